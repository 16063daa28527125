"""What came out, for people: a table, a comparison, and the README's part."""

from pathlib import Path

from figures import change, is_met
from forms import FORMS
from targets import CHAIN_HOLD_S, SETTINGS_COLUMNS, figures, target_of

README = Path("README.md")
PLOT = Path("tests/bench/result.svg")

# What the README shows: its label, and the figure.
README_ROWS = [
    ("durable accepts, 128 connections", "accepts_128"),
    ("– of the no-op POST's rate in the same run", "accepts_of_noop_128"),
    ("– p99", "accepts_p99_ms_128"),
    ("accepts at 5,000/s, 64 connections, open loop: p99", "open_p99_ms_5000"),
    ("accepts at 20,000/s, 64 connections, open loop: p99", "open_p99_ms_20000"),
    ("whole chain, rate held without growing lag", "chain_rate"),
    ("– records handled, of librdkafka's alone in the same run", "deliveries_of_kafka"),
    ("order → notified at 2,000/s: p50", "notified_p50_ms_2000"),
    ("order → notified at 2,000/s: p99", "notified_p99_ms_2000"),
    ("order → all of it logged at 2,000/s: p99", "logged_p99_ms_2000"),
    ("catching up: inventory-service", "catch_up_inventory"),
    ("catching up: logging-service", "catch_up_logging"),
    ("memory under load: order-service", "load_rss_mb_order"),
    ("memory under load: inventory-service", "load_rss_mb_inventory"),
    ("memory under load: notification-service", "load_rss_mb_notification"),
    ("memory under load: logging-service", "load_rss_mb_logging"),
    ("start to first answer: order-service", "start_ms_order"),
    ("largest loss of accepts with a grown database", "growth_accepts_loss"),
    ("largest loss of the chain with a grown database", "growth_chain_loss"),
    ("largest loss of look-ups of the last 1,000 orders", "growth_recent_loss"),
    ("largest loss of look-ups of any order", "growth_lookups_loss"),
    ("ceiling: no-op POST, 128 connections", "noop_128"),
    ("ceiling: SQLite alone, transactions of 128", "store"),
    ("ceiling: librdkafka alone", "kafka"),
]


def number(value):
    """Three digits or so: 12,345; 12.3; 0.51."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def spread(row):
    return f"{number(row['low'])} – {number(row['high'])}" if row["low"] != row["high"] else ""


def against_target(name, row, form):
    target = target_of(name)
    if not target:
        return ""
    _, sense, limit = target
    sign = {"<=": "≤", ">=": "≥"}[sense]
    if name == "chain_rate" and FORMS[form].hold_s < CHAIN_HOLD_S:
        return f"{sign} {number(limit)} for {CHAIN_HOLD_S} s: not tried"
    return f"{sign} {number(limit)}: {'met' if is_met(target, row['median']) else 'not met'}"


def sizes_of(summary):
    return sorted(int(name.rsplit("_", 1)[1]) for name in summary
                  if name.startswith("growth_accepts_") and name[-1].isdigit())


def known_figures(summary):
    return [each for each in figures(sizes_of(summary)) if each[0] in summary]


def about(result):
    """What must be known of a run to judge its figures."""
    lines = [f"{result['form']} form, {result['minutes']:.0f} minutes, a rate is held for "
             f"{FORMS[result['form']].hold_s} s; {result['machine']}; disk: {result['disk']}; "
             f"broker: {result['broker']}"]
    counted = {part: sum(each["counts"] for each in rounds)
               for part, rounds in result["parts"].items()}
    lines.append("rounds that count: " + ", ".join(
        f"{part} {n} of {len(result['parts'][part])}" for part, n in counted.items()))
    if any(n < len(result["parts"][part]) for part, n in counted.items()):
        lines.append("in the others p99 of fdatasync was above 1 ms, or the host stole more "
                     "than 3 %")
    if not all(counted.values()):
        lines.append("where none counts, the figures are of all")
    return lines


def table(result):
    summary = result["summary"]
    lines = [f"{'':60} {'median':>10} {'':10} {'lowest – highest':>22} {'n':>2}  target"]
    for name, unit, label in known_figures(summary):
        row = summary[name]
        lines.append(f"{label:60} {number(row['median']):>10} {unit:10} {spread(row):>22} "
                     f"{row['n']:>2}  {against_target(name, row, result['form'])}".rstrip())
    return "\n".join(lines + [""] + about(result))


def comparison(before, after):
    """Both are results. Ratios within a run can be compared across machines,
    absolute figures only on one that is as quiet as it was."""
    lines = [f"{'':60} {'before':>10} {'now':>10} {'':10} {'change':>8}"]
    for name, unit, label in known_figures(after["summary"]):
        if name not in before["summary"]:
            continue
        old, new = before["summary"][name]["median"], after["summary"][name]["median"]
        share = change(old, new)
        text = "" if share is None else f"{100 * share:+.0f} %"
        lines.append(f"{label:60} {number(old):>10} {number(new):>10} {unit:10} {text:>8}")
    return "\n".join(lines)


def readme_part(result):
    summary = result["summary"]
    units = {name: unit for name, unit, _ in known_figures(summary)}
    lines = ["| | median | lowest – highest | target |", "|---|---|---|---|"]
    for label, name in README_ROWS:
        if name in summary:
            row = summary[name]
            lines.append(f"| {label} | {number(row['median'])} {units[name]} | {spread(row)} "
                         f"| {against_target(name, row, result['form'])} |".replace("  ", " "))
    lines += ["", f"![accepts and latencies]({PLOT})", "",
              "Made by `make bench" + f" BENCH={result['form']}" * (result["form"] != "normal")
              + "`: " + ". ".join(about(result)) + "."]
    return "\n".join(lines) + "\n"


def _settings_cell(row):
    text = "" if row["change"] is None else f" ({100 * row['change']:+.0f} %)"
    return number(row["median"]) + text


def settings_part(result):
    """Of a result of settings.py."""
    lines = ["| | " + " | ".join(column for _, column in SETTINGS_COLUMNS) + " |",
             "|---" * (1 + len(SETTINGS_COLUMNS)) + "|"]
    for label, figures_of in result["summary"].items():
        lines.append(f"| {label} | " + " | ".join(
            _settings_cell(figures_of[name]) for name, _ in SETTINGS_COLUMNS) + " |")
    lines += ["", f"Made by `make bench-settings`: {len(result['rounds'])} rounds, "
              f"{result['minutes']:.0f} minutes; {result['machine']}; broker: {result['broker']}. "
              "Medians; the change is against the first row, within a round."]
    return "\n".join(lines) + "\n"


def marks(part):
    """Between which lines of the README a part stands."""
    return f"<!-- {part}:begin -->\n", f"<!-- {part}:end -->\n"


def write_readme(part, content):
    begin, end = marks(part)
    text = README.read_text(encoding="utf-8")
    head, _, rest = text.partition(begin)
    _, mark, tail = rest.partition(end)
    if not mark:
        raise SystemExit(f"bench: {README} has no lines {begin.strip()} and {end.strip()}")
    README.write_text(head + begin + "\n" + content + "\n" + end + tail, encoding="utf-8")
