#!/usr/bin/python3
"""Holds the excerpts in README.md against what the labs print, or puts them there.

An excerpt is a code block behind a line such as
    <!-- 04: As they stand ... ok     nine orders -->
which names a lab, and the beginnings of the first and the last line to show.
"""
import pathlib
import re
import sys

PAGE = pathlib.Path(__file__).with_name("README.md")
EXCERPT = re.compile(r"(<!-- (\d\d): (.+?) \.\.\. (.+?) -->\n```\n)(.*?)(```\n)", re.DOTALL)

# What differs from run to run: ids, times, offsets of others, who leads.
VARIES = [
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
    (r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", "TRACEPARENT"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    (r"\b1\d{12}\b", "MILLISECONDS"),
    (r"(leader|LeaderId:|LeaderEpoch:) +\d+", "LEADER"),
    (r"(?<=replicas: )\d,\d,\d", "BROKERS"),
    (r"(?<=isrs: )\d,\d,\d", "THREE BROKERS"),
    (r"(?<=isrs: )\d,\d\n", "TWO BROKERS\n"),
    (r"^\d (?=Leader|Follower)", "NODE "),
    (r"\bcluster [A-Za-z0-9_-]{22}\b", "cluster ID"),
]


def without_what_varies(text):
    for pattern, name in VARIES:
        text = re.sub(pattern, name, text, flags=re.MULTILINE)
    return text


def cut(output, first, last):
    """The lines from the one that begins with first to the next that begins with last."""
    lines = output.splitlines(keepends=True)
    for start, line in enumerate(lines):
        if line.startswith(first):
            for end in range(start, len(lines)):
                if lines[end].startswith(last):
                    return "".join(lines[start : end + 1])
    return None


def main():
    mode, folder, *labs = sys.argv[1:]
    labs = {pathlib.Path(lab).stem[:2]: pathlib.Path(lab).stem for lab in labs}
    outputs = {}
    for number, lab in labs.items():
        path = pathlib.Path(folder, lab + ".txt")
        if path.exists():  # else it failed, and has said so
            outputs[number] = path.read_text()
    faults, shown = [], set()

    def judge(match):
        head, number, first, last, block, tail = match.groups()
        shown.add(number)
        if number not in outputs:
            return match.group(0)
        seen = cut(outputs[number], first, last)
        if seen is None:
            faults.append(f"lab {number} prints nothing from '{first}' to '{last}'")
            return match.group(0)
        if without_what_varies(seen) == without_what_varies(block):
            return match.group(0)
        if mode == "--check":
            faults.append(f"lab {number} prints something else than the page shows:\n{seen}")
        return head + seen + tail

    page = PAGE.read_text()
    written = EXCERPT.sub(judge, page)
    faults += [f"lab {number} has no excerpt" for number in labs if number not in shown]
    if mode == "--write" and written != page:
        PAGE.write_text(written)
    for fault in faults:
        print(f"labs: {PAGE.name}: {fault}", file=sys.stderr)
    if faults and mode == "--check":
        print("labs: when that is as it should be: make labs-page", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
