#!/usr/bin/env python3
"""Holds every line of EVE files against a JSON Schema. usage: validate_eve.py SCHEMA FILE...
Exit status: 0 all lines follow it, 1 one does not (the first ten are told), 77 python3-jsonschema is absent."""
import json
import sys

try:
    import jsonschema
except ImportError:
    sys.exit(77)

FAULTS_SHOWN_MAX = 10


def without_repeats(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice: " + ", ".join(name for name, _ in pairs))
    return members


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    validator_class = jsonschema.validators.validator_for(schema)
    validator_class.check_schema(schema)
    validator = validator_class(schema)
    lines = faults = 0
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                lines += 1
                try:
                    error = next(iter(validator.iter_errors(json.loads(line, object_pairs_hook=without_repeats))), None)
                    told = error and "/".join(map(str, error.absolute_path)) + ": " + error.message
                except ValueError as fault:
                    told = str(fault)
                if told:
                    faults += 1
                    if faults <= FAULTS_SHOWN_MAX:
                        print(f"{path}:{number}: {told[:500]}")
    print(f"{lines} records, {faults} that do not follow the schema")
    return 1 if faults else 0


sys.exit(main())
