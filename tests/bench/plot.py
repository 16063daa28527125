"""The plot: an SVG of two panels, bars with their spread."""

from report import number
from targets import CHAIN_RATES, CONNECTIONS

WIDTH, HEIGHT, TOP, BOTTOM = 420, 300, 50, 50
COLOURS = {"bar": "#4878a8", "second": "#d08a4a", "ceiling": "#b03a3a", "ink": "#222222"}


def _text(x, y, text, size=11, anchor="middle"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
            f'fill="{COLOURS["ink"]}">{text}</text>')


def _line(x1, y1, x2, y2, colour, dashes=""):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"'
            f'{dashes and f" stroke-dasharray={chr(34)}{dashes}{chr(34)}"}/>')


class Panel:
    """A panel of bars in groups, on a scale from 0 to `top`."""

    def __init__(self, left, title, top, n_bars):
        self.left, self.top, self.n_bars, self.n_drawn = left, top, n_bars, 0
        self.parts = [_text(left + WIDTH / 2, 24, title, 13),
                      _line(left, HEIGHT - BOTTOM, left + WIDTH, HEIGHT - BOTTOM, COLOURS["ink"])]

    def y(self, value):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(value, self.top) / self.top

    def bar(self, row, label, colour="bar"):
        """A figure's median, its spread as a line; a row without one leaves a gap."""
        slot = WIDTH / self.n_bars
        x = self.left + self.n_drawn * slot
        self.n_drawn += 1
        if row is None:
            return
        y = self.y(row["median"])
        self.parts += [
            f'<rect x="{x + slot * 0.15:.1f}" y="{y:.1f}" width="{slot * 0.7:.1f}" '
            f'height="{HEIGHT - BOTTOM - y:.1f}" fill="{COLOURS[colour]}"/>',
            _line(x + slot / 2, self.y(row["low"]), x + slot / 2, self.y(row["high"]),
                  COLOURS["ink"]),
            _text(x + slot / 2, y - 6 - (y - self.y(row["high"])), number(row["median"])),
            _text(x + slot / 2, HEIGHT - BOTTOM + 16, label)]

    def ceiling(self, value, label):
        y = self.y(value)
        self.parts += [_line(self.left, y, self.left + WIDTH, y, COLOURS["ceiling"], "5,4"),
                       _text(self.left + 4, y - 4, label, anchor="start")]

    def caption(self, text):
        self.parts.append(_text(self.left + WIDTH / 2, HEIGHT - 12, text))


def _accepts(summary, left):
    rows = [summary.get(f"accepts_{n}") for n in CONNECTIONS]
    noop = summary.get("noop_128")
    top = 1.15 * max((row["high"] for row in rows + [noop] if row), default=1)
    panel = Panel(left, "Durable accepts a second", top, len(CONNECTIONS))
    for n, row in zip(CONNECTIONS, rows):
        panel.bar(row, str(n))
    if noop:
        panel.ceiling(noop["median"], "no-op POST, 128 connections")
    panel.caption("connections")
    return panel


def _latencies(summary, left):
    bars = [(step, rate, share) for rate in CHAIN_RATES for step, share in
            (("notified", "p50"), ("notified", "p99"), ("logged", "p99"))]
    rows = [summary.get(f"{step}_{share}_ms_{rate}") for step, rate, share in bars]
    top = 1.2 * max((row["high"] for row in rows if row), default=1)
    panel = Panel(left, "From the order, in ms: notified p50, p99; logged p99", top, len(bars))
    for (step, rate, share), row in zip(bars, rows):
        panel.bar(row, f"{rate:,}/s" if (step, share) == ("notified", "p99") else "",
                  "second" if step == "logged" else "bar")
    panel.caption("orders a second")
    return panel


def svg(summary):
    panels = [_accepts(summary, 20), _latencies(summary, 20 + WIDTH + 40)]
    width = 2 * WIDTH + 80
    parts = "\n".join(part for panel in panels for part in panel.parts)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" '
            f'font-family="sans-serif">\n<rect width="{width}" height="{HEIGHT}" fill="white"/>\n'
            f"{parts}\n</svg>\n")
