#!/usr/bin/python3
"""Says what JSON Schema itself, without our own reader, thinks of payloads.

usage: validate.py SCHEMA FILE...

Prints a line for each file: "valid FILE", "invalid FILE: reason" (the schema
refuses it) or "malformed FILE: reason" (it is not JSON). Needs Debian's
python3-jsonschema.
"""

import json
import re
import sys
from decimal import Decimal

from jsonschema import Draft7Validator, ValidationError
from jsonschema.validators import extend


def refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


def parse(text):
    # As decimals: 19.99 is no multiple of 0.01 among binary fractions.
    return json.loads(text, parse_float=Decimal, parse_constant=refuse_constant)


def load(path):
    with open(path, "rb") as file:
        return parse(file.read().decode("utf-8"))


def is_integer(checker, value):
    """3.0 is an integer to JSON Schema (draft-06 and later), also as a decimal."""
    if isinstance(value, Decimal):
        return value == value.to_integral_value()
    return isinstance(value, int) and not isinstance(value, bool)


def check_pattern(_, pattern, value, __):
    """As ECMA-262 has it: a `$` is the end, and nothing comes after it."""
    if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def new_validator(schema, draft=Draft7Validator, **options):
    checker = draft.TYPE_CHECKER.redefine("integer", is_integer)
    return extend(draft, type_checker=checker)(schema, **options)


def verdict(validator, path):
    try:
        payload = load(path)
    except ValueError as error:
        return f"malformed {path}: {error}"
    for error in validator.iter_errors(payload):
        return f"invalid {path}: {error.message!r}"
    return f"valid {path}"


def main():
    schema = load(sys.argv[1])
    Draft7Validator.check_schema(schema)
    validator = new_validator(schema)
    for example in schema["examples"]:
        validator.validate(example)
    for path in sys.argv[2:]:
        print(verdict(validator, path))


if __name__ == "__main__":
    main()
