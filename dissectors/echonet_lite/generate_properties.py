#!/usr/bin/env python3
"""Turns the property and direction tables (data/*.csv) into C++ tables.
usage: generate_properties.py PROPERTIES.csv DIRECTION.csv SENSITIVE.csv OUTPUT.inc

Every form of the columns `type` and `enum` is parsed; a form that is not known stops the build."""
import csv
import re
import sys

SUPERCLASS = 0x0000
MULTIPLE_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
NO_DATA = re.compile(r"not measured|undefined|unmeasurable|invalid|unsupported|no data|not imple[m]ented", re.I)
RULES = {"no": "no", "mandatory": "mandatory", "optional": "optional", "conditional": "conditional",
         "mandatory-or": "one_of_group"}
EFFECTS = {"": "none", "P": "physical", "A": "permission", "R": "reset", "C": "configuration", "S": "selector"}

# Properties whose values are told as facts (README.md, "Facts"): of every class, those with rows in the direction table,
# and those that say in which mode a device is.
STATE_OF_ALL = (0x80, 0x83, 0x88)
STATE_OF_NODE = (0x80, 0x83, 0x88, 0xD5, 0xD6)
STATE_OF_CLASS = {0x0130: (0xB0,)}

nodes, choices, scales, fields = [], [], [], []
texts = {}


def cpp_text(value):
    # The JSON writer takes these texts as needing no escape.
    assert not re.search(r'["\\\x00-\x1f]', value), value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("??", "?\\?") + '"'


def split_top(text, separator):
    """Splits at `separator` outside brackets."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        if c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif c == separator and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return parts + [text[start:]]


def take_unit(text):
    """'uint16[0..1](W)' -> ('uint16[0..1]', 'W'); a bracket that belongs to the type itself is left alone."""
    match = re.search(r"\(([^()]*)\)$", text)
    if match is None or re.match(r"(YYYY|hh)", match.group(1)) or text.endswith("B(raw)"):
        return text, ""
    head = text[: match.start()]
    if re.search(r"[0-9]B$", head):
        return text, ""
    return head, match.group(1)


def new_node(**values):
    node = dict(kind="raw", size=0, minimum=0, maximum=0, ranged=False, multiplier="1", unit="", name="",
                first_child=0, child_count=0, count_min=0, count_max=0, first_choice=0, choice_count=0,
                first_scale=0, scale_count=0, first_field=0, field_count=0)
    node.update(values)
    return node


def scalar(text, where):
    """One alternative of a type that is no struct and no array."""
    if text in ("raw", "enum", "enum-number", "level", "bitmap"):
        return new_node(kind={"enum-number": "enum_number", "enum": "enumeration"}.get(text, text))
    if text.startswith("datetime(YYYY BE16,MM,DD,hh,mm,ss)"):
        return new_node(kind="datetime_seconds", size=7)
    if text.startswith("datetime(YYYY BE16,MM,DD,hh,mm)"):
        return new_node(kind="datetime_minutes", size=6)
    if text.startswith("date(YYYY BE16,MM,DD)"):
        return new_node(kind="date", size=4)
    if text.startswith("time(hh,mm,ss)"):
        return new_node(kind="time_seconds", size=3)
    if text == "time(hh,mm)[hh<=255]":
        return new_node(kind="hours_minutes", size=2)
    if text.startswith("time(hh,mm)"):
        return new_node(kind="time_minutes", size=2)
    match = re.fullmatch(r"(u?)int(8|16|32)(?:\*(%s|E3))?(?:\[(-?[0-9]+)\.\.(-?[0-9]+)\])?"
                         r"(?:\{x EPC ([0-9A-Fx,]+)\})?" % MULTIPLE_NUMBER, text)
    assert match, (where, text)
    node = new_node(kind="unsigned_" if match.group(1) else "signed_", size=int(match.group(2)) // 8)
    multiple = match.group(3)
    scaled_by = match.group(6).split(",") if match.group(6) else []
    if multiple == "E3":
        scaled_by = ["0xE3"]
    elif multiple:
        node["multiplier"] = multiple
    if match.group(4) is not None:
        node.update(minimum=int(match.group(4)), maximum=int(match.group(5)), ranged=True)
    node["first_scale"], node["scale_count"] = len(scales), len(scaled_by)
    scales.extend(int(s, 16) for s in scaled_by)
    return node


def parse(text, path, entries, where):
    """A tree of nodes; `entries` maps a member path to its lines of the enum column."""
    text = text.strip()
    text, unit = take_unit(text)
    parts = split_top(text, "|")
    head, enumerated = parts[0], parts[1:] == ["enum"]
    if len(parts) == 2 and not enumerated:
        # Positive and negative halves of one signed number: the two ranges do not overlap in their codes.
        low, high = scalar(parts[1], where), scalar(parts[0], where)
        assert low["kind"] == "signed_" and low["size"] == high["size"], where
        assert low["multiplier"] == high["multiplier"], where
        low["maximum"] = high["maximum"]
        assert low["maximum"] < 1 << (8 * low["size"] - 1), where
        return dict(low, unit=unit, children=[], path=path)
    assert len(parts) <= 2, where
    if head.startswith("struct{"):
        assert head.endswith("}"), (where, head)
        children = []
        for member in split_top(head[7:-1], ","):
            member = member.strip()
            # "abnormalFrequencyDeviationThreshold (mHz):uint16(mHz)": the name's own remark goes.
            match = re.match(r"([A-Za-z0-9]+)(?: \([^)]*\))?:(.*)$", member, re.S)
            name, kind = (match.group(1), match.group(2)) if match else ("dateAndTime", member)
            child = parse(kind, path + [name], entries, where)
            child["name"] = name
            children.append(child)
        node = new_node(kind="structure")
    elif head.startswith("array["):
        match = re.fullmatch(r"array\[(?:([0-9]+)\.\.)?([0-9]+)\] of ([0-9]+)B\((.*)\)", head)
        assert match, (where, head)
        child = parse(match.group(4), path, entries, where)
        child["size"] = int(match.group(3))
        children = [child]
        node = new_node(kind="array", count_min=int(match.group(1) or match.group(2)), count_max=int(match.group(2)))
        child["path"] = path
    else:
        children = []
        node = scalar(head, where)
    node.update(unit=unit, children=children, path=path)
    # Choices of the node itself; a struct's choice stands for the whole of its bytes.
    if head.startswith("array["):
        return node
    own = [e for e in entries.get(tuple(path), [])]
    add_entries(node, own, where)
    return node


def add_entries(node, own, where):
    node["first_choice"] = len(choices)
    node["first_field"] = len(fields)
    for line in own:
        bits = re.fullmatch(r"byte([0-9])&0b([01]{8}) (.*) \{(.*)\}", line, re.S)
        if bits:
            assert node["kind"] == "bitmap", (where, line)
            mask = int(bits.group(2), 2)
            named = []
            for choice in bits.group(4).split(", "):
                leveled = re.fullmatch(r"0x00\.\.0x([0-9A-F]{2}):level 1\.\.([0-9])", choice)
                if leveled:
                    named = [(i, "level %d" % (i + 1)) for i in range(int(leveled.group(1), 16) + 1)]
                    continue
                value, name = re.fullmatch(r"0x([0-9A-F]{2}):(.*)", choice).groups()
                named.append((int(value, 16), name))
            fields.append(dict(byte=int(bits.group(1)), mask=mask, name=bits.group(3), choices=named))
            continue
        if "=" not in line:
            # A list of allowed numbers; it names nothing.
            assert node["kind"] == "unsigned_" and line.isdigit(), (where, line)
            continue
        code, name = line.split("=", 1)
        level = re.fullmatch(r"level 1\.\.([0-9]+)", name)
        if level:
            low, high = (int(x, 16) for x in code.split(".."))
            assert node["kind"] == "level" and high - low + 1 == int(level.group(1)), (where, line)
            node.update(minimum=low, maximum=high, ranged=True)
            continue
        low, _, high = code.partition("...")
        width = (len(low) - 2) // 2
        low, high = int(low, 16), int(high or low, 16)
        read_only = name.endswith("(read-only)")
        name = name[: -len("(read-only)")].strip() if read_only else name.strip()
        number = None
        if node["kind"] == "enum_number":
            number = name
            float(number)
        if node["kind"] in ("enumeration", "enum_number") and node["size"] == 0:
            node["size"] = width
        plain = node["kind"] in ("enumeration", "enum_number", "level")
        no_data = bool(NO_DATA.search(name)) and not plain
        choices.append(dict(low=low, high=high, name=name, number=number, no_data=no_data))
    node["choice_count"] = len(choices) - node["first_choice"]
    node["field_count"] = len(fields) - node["first_field"]


def settle_sizes(node, size_min, size_max, where):
    """Fills in the sizes that only the column `size_bytes` tells; checks the sum of a struct."""
    if node["kind"] == "structure":
        fixed = variable = 0
        for child in node["children"]:
            settle_sizes(child, 0, 0, where)
            if child["kind"] == "array" and child["count_min"] != child["count_max"]:
                variable += 1
            else:
                fixed += child["size"]
        # Members without a size of their own (bitmap, enum without codes) share what is left.
        open_ones = [c for c in node["children"] if c["size"] == 0 and c["kind"] in ("bitmap", "enumeration", "raw")]
        assert variable <= 1 and (variable == 0 or node["children"][-1]["kind"] == "array"), where
        if open_ones:
            each, rest = divmod(size_max - fixed, len(open_ones))
            assert rest == 0 and each > 0, where
            for child in open_ones:
                child["size"] = each
                fixed += each
        node["size"] = 0 if variable else fixed
        if size_max and not variable and size_min == size_max:
            assert fixed == size_max, (where, fixed, size_max)
    elif node["kind"] == "array":
        settle_sizes(node["children"][0], node["children"][0]["size"], node["children"][0]["size"], where)
        node["size"] = node["children"][0]["size"] * node["count_max"] if node["count_min"] == node["count_max"] else 0
        if size_max and node["size"]:
            assert node["size"] == size_max, where
    elif node["size"] == 0:
        node["size"] = size_max if size_min == size_max else 0
    elif size_max:
        assert node["size"] == size_max, (where, node["size"], size_max)


def emit(node):
    """Children of one node lie side by side."""
    index = len(nodes)
    nodes.append(node)
    place(node)
    return index


def place(node):
    node["first_child"], node["child_count"] = len(nodes), len(node["children"])
    nodes.extend(node["children"])
    for child in node["children"]:
        place(child)


def special(class_code, epc, name, kind):
    """What `raw` means where section 3 of the facts says it (property maps, lists, codes, text)."""
    if class_code == 0x0EF0 and epc in (0xD5, 0xD6):
        return "instance_list"
    if class_code == 0x0EF0 and epc == 0xD7:
        return "class_list"
    if kind != "raw":
        return None
    if "property map" in name.lower():
        return "property_map"
    if epc == 0x81:
        return "location"
    if epc == 0x82:
        return "node_version" if class_code == 0x0EF0 else "device_version"
    if epc == 0x83 or "Identification number of" in name:
        return "identification"
    if epc == 0x8A:
        return "manufacturer"
    if epc in (0x8C, 0x8D) or (class_code, epc) == (0x05FF, 0xC8):
        return "text"
    if (class_code, epc) == (0x0EF0, 0xD3):
        return "unsigned_"
    if (class_code, epc) == (0x05FF, 0xCC):
        return "location"
    return None


def divisor_of(multiplier):
    """0.1 -> 10: a division by a power of ten is rounded right where a multiplication by 0.1 is not."""
    match = re.fullmatch(r"0\.(0*)1", multiplier)
    assert match or "." not in multiplier, multiplier
    return 10 ** (len(match.group(1)) + 1) if match else 1


def property_set(epcs):
    words = [sum(1 << (epc - 0x80 - 64 * i) for epc in epcs if (epc - 0x80) // 64 == i) for i in (0, 1)]
    return "  {{0x%XULL, 0x%XULL}},\n" % tuple(words)


def main():
    properties_path, direction_path, sensitive_path, output_path = sys.argv[1:]
    rows = list(csv.DictReader(open(properties_path, encoding="utf-8")))
    directions = {}
    for row in csv.DictReader(open(direction_path, encoding="utf-8")):
        key = (int(row["class_code_hex"], 16), int(row["epc_hex"], 16))
        directions.setdefault(key, []).append((row["value"], row["direction"]))
    states = {code: set(epcs) for code, epcs in STATE_OF_CLASS.items()}
    for class_code, epc in directions:
        states.setdefault(class_code, set()).add(epc)
    # A class with direction rows of its own for an inherited property gets that property as a row of its own.
    present = {(r["class_code_hex"], r["epc_hex"]) for r in rows}
    for class_code, epc in list(directions):
        key = ("0x%04X" % class_code, "0x%02X" % epc)
        if key not in present:
            inherited = next(r for r in rows if (r["class_code_hex"], r["epc_hex"]) == ("0x0000", key[1]))
            kin = next(r for r in rows if r["class_code_hex"] == key[0])
            rows.append(dict(inherited, class_code_hex=key[0], class_name_en=kin["class_name_en"],
                             class_name_ja=kin["class_name_ja"]))
    classes, table, properties, direction_rows = [], {}, [], []
    for row in rows:
        class_code, epc = int(row["class_code_hex"], 16), int(row["epc_hex"], 16)
        where = (row["class_code_hex"], row["epc_hex"])
        assert 0x80 <= epc <= 0xFF and class_code < 0x1000, where
        if class_code not in table:
            classes.append((class_code, row["class_name_en"], row["class_name_ja"]))
            table[class_code] = {}
        assert epc not in table[class_code], where
        kind = row["type"]
        atomic = 0
        match = re.fullmatch(r"(.*) atomic-with 0x([0-9A-F]{2})", kind, re.S)
        if match:
            kind, atomic = match.group(1), int(match.group(2), 16)
        size_min, _, size_max = row["size_bytes"].partition("-")
        size_min, size_max = int(size_min), int(size_max or size_min)
        assert 1 <= size_min <= size_max <= 255, where
        entries = {}
        for line in filter(None, (e.strip() for e in row["enum"].split("; "))):
            match = re.match(r"((?:[A-Za-z0-9]+ )*)((?:0x|byte[0-9]&|[0-9]+$).*)$", line, re.S)
            assert match, (where, line)
            entries.setdefault(tuple(match.group(1).split()), []).append(match.group(2))
        used = set()

        class Tracking(dict):
            def get(self, key, default=None):
                used.add(key)
                return dict.get(self, key, default)

        meaning = special(class_code, epc, row["name_en"], kind)
        if meaning:
            node = new_node(kind=meaning, children=[], path=[], size=size_max if meaning == "unsigned_" else 0)
        else:
            node = parse(kind, [], Tracking(entries), where)
            assert set(entries) <= used, (where, set(entries) - used)
            settle_sizes(node, size_min, size_max, where)
        # "kWh/A" lists the units of several members, each of which has its own.
        several = "/" in row["unit"].replace("m3/h", "").replace("W/sec", "")
        if node["kind"] != "structure" and not node["unit"] and not several:
            node["unit"] = row["unit"]
        first_direction = len(direction_rows)
        own = directions.pop((class_code, epc), [])
        direction_rows.extend(own)
        table[class_code][epc] = len(properties) + 1
        properties.append(dict(row=row, class_code=class_code, epc=epc, atomic=atomic, size_min=size_min,
                               size_max=size_max, node=emit(node), first_direction=first_direction,
                               direction_count=len(own)))
    assert not directions, ("direction rows without a property", directions)

    # A direction row of the superclass applies where the class has none of its own (column `note` of the data).
    out = ["// Made by generate_properties.py from data/properties.csv and data/direction.csv; change them there.\n"]
    flat = []
    for field in fields:
        field["first"] = len(flat)
        flat.extend(field["choices"])
    out.append("constexpr Choice choice_rows[] = {\n")
    for c in choices:
        number = c["number"] if c["number"] is not None else "0"
        out.append("  {0x%XULL, 0x%XULL, %s, %s, %s},\n" % (
            c["low"], c["high"], cpp_text(c["name"]), number, "true" if c["no_data"] else "false"))
    out.append("};\nconstexpr BitChoice bit_choice_rows[] = {\n")
    out.extend("  {%d, %s},\n" % (value, cpp_text(name)) for value, name in flat)
    out.append("};\nconstexpr BitField bit_field_rows[] = {\n")
    out.extend("  {%d, 0x%02X, %s, %d, %d},\n" % (
        f["byte"], f["mask"], cpp_text(f["name"]), f["first"], len(f["choices"])) for f in fields)
    out.append("};\nconstexpr std::uint8_t scale_rows[] = {%s};\n" % ", ".join("0x%02X" % s for s in scales))
    out.append("constexpr DirectionRow direction_rows[] = {\n")
    for value, direction in direction_rows:
        wide = 0 if value == "any" else int(value, 0)
        out.append("  {%s, %d, LoadDirection::%s},\n" % ("true" if value == "any" else "false", wide, direction))
    out.append("};\nconstexpr ValueType type_rows[] = {\n")
    for n in nodes:
        out.append("  {ValueKind::%s, %s, %d, %d, %d, %d, %d, %d, %d, %d, %d, %d, %d, %d, "
                   "%s, %dLL, %dLL, %s, %s},\n" % (
            n["kind"], "true" if n["ranged"] else "false", n["size"], n["count_min"], n["count_max"], n["first_child"],
            n["child_count"], n["first_choice"], n["choice_count"], n["first_scale"], n["scale_count"],
            n["first_field"], n["field_count"], divisor_of(n["multiplier"]),
            n["multiplier"] if divisor_of(n["multiplier"]) == 1 else "1",
            n["minimum"], n["maximum"], cpp_text(n["unit"]), cpp_text(n["name"])))
    out.append("};\nconstexpr Property property_rows[] = {\n")
    for p in properties:
        r = p["row"]
        out.append("  {0x%04X, 0x%02X, WriteEffect::%s, AccessRule::%s, AccessRule::%s, AccessRule::%s, " % (
            p["class_code"], p["epc"], EFFECTS[r["effect"]], RULES[r["get"]], RULES[r["set"]], RULES[r["inf"]]))
        out.append("0x%02X, %d, %d, %d, %d, %d, %s, %s},\n" % (
            p["atomic"], p["size_min"], p["size_max"], p["node"], p["first_direction"], p["direction_count"],
            cpp_text(r["name_en"]), cpp_text(r["name_ja"])))
    out.append("};\nconstexpr ObjectClass class_rows[] = {\n")
    for code, english, japanese in classes:
        out.append("  {0x%04X, %s, %s},\n" % (code, cpp_text(english), cpp_text(japanese)))
    out.append("};\n// Per class the property of each EPC from 0x80 on: its index + 1, or 0.\n")
    out.append("constexpr std::uint16_t index_rows[][128] = {\n")
    for code, _, _ in classes:
        out.append("  {%s},\n" % ",".join(str(table[code].get(0x80 + i, 0)) for i in range(128)))
    out.append("};\n// Per group and class code the row above: its index + 1, or 0.\n")
    out.append("constexpr std::uint8_t class_index[16][256] = {\n")
    position = {code: i + 1 for i, (code, _, _) in enumerate(classes)}
    assert len(classes) < 256
    for group in range(16):
        out.append("  {%s},\n" % ",".join(str(position.get(group << 8 | i, 0)) for i in range(256)))
    out.append("};\nconstexpr std::size_t superclass_row = %d;\n" % (position[SUPERCLASS] - 1))
    out.append("// Per class of class_rows: bit n is EPC 0x80 + n.\nconstexpr PropertySet state_rows[] = {\n")
    for code, _, _ in classes:
        out.append(property_set(states.get(code, set()) | set(STATE_OF_NODE if code == 0x0EF0 else STATE_OF_ALL)))
    sensitive = {}
    for row in csv.DictReader(open(sensitive_path, encoding="utf-8")):
        assert row["reason"], row
        code = int(row["class_code_hex"], 16)
        for part in row["epcs_hex"].split():
            low, _, high = part.partition("-")
            for epc in range(int(low, 16), int(high or low, 16) + 1):
                assert 0x80 <= epc <= 0xFF, row
                sensitive.setdefault(code, set()).add(epc)
    for_all = sensitive.pop(SUPERCLASS, set())
    out.append("};\n// What privacy masks; row 0 is what every class has.\nconstexpr PropertySet sensitive_rows[] = {\n")
    out.append(property_set(for_all))
    out.extend(property_set(sensitive[code] | for_all) for code in sorted(sensitive))
    out.append("};\nconstexpr std::uint8_t sensitive_index[16][256] = {\n")
    position = {code: i + 1 for i, code in enumerate(sorted(sensitive))}
    for group in range(16):
        out.append("  {%s},\n" % ",".join(str(position.get(group << 8 | i, 0)) for i in range(256)))
    out.append("};\n")
    open(output_path, "w", encoding="utf-8").write("".join(out))


main()
