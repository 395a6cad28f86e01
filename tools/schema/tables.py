"""Writes the constant tables (schema::Type and friends) of all built-in types as C++."""

import schema_format as sf

CHUNKS = 10
HEAD = """// Made by tools/schema/generate.py from src/api/. Do not edit.
#include "api/tables.h"

namespace sampan::schema::tables {

"""
FLAGS = (("required", "Required"), ("always", "Always"), ("immutable", "Immutable"), ("sensitive", "Sensitive"),
         ("granular", "GranularHere"), ("replace", "PatchReplace"))


def text(value):
    """A string_view literal."""
    if not value:
        return "{}"
    out = "".join(f"\\{c}" if c in '"\\' else c for c in value)
    return f'"{out}"sv'


def field_hash(name):
    value = 2166136261
    for c in name.encode():
        value = ((value ^ c) * 16777619) & 0xFFFFFFFF
    return value ^ (value >> 15)


def hash_table(names):
    size = 1
    while size < 2 * len(names):
        size *= 2
    slots = [0] * size
    for index, name in enumerate(names, 1):
        slot = field_hash(name) & (size - 1)
        while slots[slot]:
            slot = (slot + 1) & (size - 1)
        slots[slot] = index
    return slots


class Shapes:
    """The list, map and wrapped types, each written once."""

    def __init__(self, names):
        self.names, self.nodes, self.extra = names, {}, []

    def reference(self, file, shape, words):
        """The C++ expression for the address of the Type of a field."""
        if isinstance(shape, str):
            if shape in sf.SCALARS:
                return f"&scalar_types[{sf.SCALARS.index(shape)}]"
            found = self.names.find(file, shape)
            return "&" + (found.symbol if isinstance(found, sf.Struct) else self.scalar_symbol(*found))
        kind, inner = shape
        node = [f".kind = Kind::{'Map' if kind == 'map' else 'List'}", f".element = {self.reference(file, inner, {})}"]
        if kind == "items":
            node.append(".wire = Wire::Items")
        if kind != "map":
            node += self.list_rules(words)
        return "&" + self.nodes.setdefault(", ".join(self.ordered(node)), f"shape_{len(self.nodes)}")

    @staticmethod
    def scalar_symbol(file, scalar):
        return f"{file.symbol}_{scalar.name}"

    def list_rules(self, words):
        node = []
        if "set" in words:
            node.append(".list_type = ListType::Set")
        if "keys" in words:
            keys = tuple(words["keys"].split(","))
            if keys not in self.extra:
                self.extra.append(keys)
            node += [".list_type = ListType::Map", f".list_keys = keys_{self.extra.index(keys)}"]
        if "merge" in words:
            node.append(".patch_merge = true")
            if words["merge"]:
                node.append(f".merge_key = {text(words['merge'])}")
        node += [f".{cpp} = true" for word, cpp in (("retainkeys", "retain_keys"), ("atomic", "atomic")) if word in words]
        return node

    @staticmethod
    def ordered(node):
        order = ("kind", "element", "list_type", "list_keys", "patch_merge", "merge_key", "retain_keys", "atomic", "wire")
        return sorted(node, key=lambda item: order.index(item[1:].split(" ")[0]))


def flags_of(field, shape):
    flags = [cpp for word, cpp in FLAGS if word in field.words]
    flags += ["Nullable"] * field.nullable + ["Inline"] * (len(field.proto) > 1)
    if "atomic" in field.words and (isinstance(shape, str) or shape[0] == "map"):
        flags.append("AtomicHere")
    if field.proto and not field.nullable and isinstance(shape, str) and shape != "bytes":
        flags.append("ProtoAlways")
    return "|".join(f"Field::{f}" for f in flags) or "0"


def proto_of(field):
    if len(field.proto) > 3:
        raise SystemExit(f"{field.name}: messages may be inlined two deep")
    number = field.proto[-1] if field.proto else 0
    outer = field.proto[0] if len(field.proto) > 1 else 0
    if len(field.proto) == 3:
        outer |= field.proto[1] << 8
    return f"{number}, {outer}"


def field_row(struct, field, shapes):
    words = field.words
    row = [text(field.name), shapes.reference(struct.file, field.shape, words), flags_of(field, field.shape), proto_of(field)]
    tail = [text(words.get("default")), text(words.get("enum")), text(words.get("format")),
            words.get("min", "INT64_MIN"), words.get("max", "INT64_MAX"), text(field.description)]
    plain = ["{}", "{}", "{}", "INT64_MIN", "INT64_MAX", "{}"]
    while tail and tail[-1] == plain[len(tail) - 1]:
        tail.pop()
    return "  {" + ", ".join(row + tail) + "},\n"


def struct_table(struct, shapes):
    out, symbol = "", struct.symbol
    members = [".kind = Kind::Struct", f".name = {text(struct.full_name)}"]
    if struct.fields:
        slots = hash_table([f.name for f in struct.fields])
        out += f"static constinit const Field {symbol}_fields[] = {{\n"
        out += "".join(field_row(struct, field, shapes) for field in struct.fields) + "};\n"
        out += f"static constexpr uint16_t {symbol}_hash[] = {{{','.join(map(str, slots))}}};\n"
        members += [f".fields = {symbol}_fields", f".hash = {symbol}_hash"]
    members.append(f".id = {struct.id}")
    members += [f".{cpp} = true" for word, cpp in (("retainkeys", "retain_keys"), ("atomic", "atomic")) if word in struct.words]
    if struct.description:
        members.append(f".description = {text(struct.description)}")
    return out + f"constinit const Type {symbol} = {{{', '.join(members)}}};\n\n"


def scalar_tables(files):
    out = ""
    for file in files:
        for scalar in file.scalars:
            element = ""
            if scalar.wire.startswith("Schema"):
                element = f".element = &{file.symbol}_JSONSchemaProps, "
            out += (f"constinit const Type {file.symbol}_{scalar.name} = {{.kind = Kind::Raw, "
                    f".name = {text(file.package + '.' + scalar.name)}, {element}.wire = Wire::{scalar.wire}}};\n")
    return out


def declarations(files, shapes):
    out = "// Made by tools/schema/generate.py from src/api/. Do not edit.\n#pragma once\n#include \"schema/schema.h\"\n\n"
    out += "namespace sampan::schema::tables {\n\nusing namespace std::literals;\n\n"
    for file in files:
        for scalar in file.scalars:
            out += f"extern const Type {file.symbol}_{scalar.name};\n"
        for struct in file.structs:
            out += f"extern const Type {struct.symbol};\n"
    out += "".join(f"extern const Type {name};\n" for name in shapes.nodes.values())
    return out + "\n}  // namespace sampan::schema::tables\n"


def chunks_of(files):
    """The structs in CHUNKS parts of about the same number of fields."""
    structs = [s for f in files for s in f.structs]
    total = sum(len(s.fields) + 2 for s in structs)
    parts, done = [[] for _ in range(CHUNKS)], 0
    for struct in structs:
        parts[min(done * CHUNKS // total, CHUNKS - 1)].append(struct)
        done += len(struct.fields) + 2
    return parts


# ---- the index: names, kinds and resources ----

def kind_rows(files):
    rows = []
    for file in files:
        for struct in file.structs:
            if file.version is None or not (struct.is_kind() or "kind" in struct.words):
                continue
            where = struct.words.get("kind")
            group, version = (file.group, file.version) if where is None else ("", where)
            rows.append((struct.name, version, group, struct))
    return sorted(rows, key=lambda row: row[:3])


def name_rows(files):
    rows = [(s.full_name, s.symbol) for f in files for s in f.structs]
    rows += [(f"{f.package}.{s.name}", f"{f.symbol}_{s.name}") for f in files for s in f.scalars]
    return sorted(rows)


def verbs(value):
    if not value:
        return "0"
    names = sf.VERBS if value == "*" else value.split(",")
    bits = [1 << sf.VERBS.index(name) for name in names]
    return str(sum(bits))


def strings(name, values, out):
    if not values:
        return "{}"
    out.append(f"static constexpr std::string_view {name}[] = {{{', '.join(map(text, values))}}};\n")
    return name


def resource_row(file, resource, number, kinds, out):
    words = resource.words
    split = lambda word: [w for w in words.get(word, "").split(",") if w]
    shorts = strings(f"short_{number}", split("short"), out)
    categories = strings(f"categories_{number}", split("categories"), out)
    subs = "{}"
    if resource.subresources:
        subs = f"subs_{number}"
        rows = ""
        for name, kind, attrs in resource.subresources:
            group, _, version = attrs.get("of", "").rpartition("/")
            rows += f"  {{{text(name)}, {text(kind)}, {text(group)}, {text(version)}, {verbs(attrs['verbs'])}}},\n"
        out.append(f"static constexpr Subresource {subs}[] = {{\n{rows}}};\n")
    here = lambda kind: kinds.get((kind, file.version, file.group))
    struct, listed = here(resource.kind), here(resource.kind + "List")
    if struct is None:
        raise SystemExit(f"{file.key}: {resource.name}: there is no kind {resource.kind}")
    own = f"{file.group}/{file.version}" if file.group else file.version
    ga = "alpha" not in file.version and "beta" not in file.version
    return "  {" + ", ".join([
        text(file.group), text(file.version), text(resource.name), text(resource.kind),
        text(words.get("singular", resource.kind.lower())), str(resource.namespaced).lower(), verbs(words["verbs"]), shorts,
        categories, subs, "&" + struct.symbol, "&" + listed.symbol if listed else "nullptr", text(words.get("stored", own)),
        str(ga).lower(), str(file.priority[0]), str(file.priority[1])]) + "},\n"


def index(files):
    kinds = kind_rows(files)
    by_kind = {row[:3]: row[3] for row in kinds}
    out = [HEAD.replace('tables.h"\n', 'tables.h"\n#include "api/lookup.h"\n')]
    rows, number = "", 0
    for file in sorted(files, key=lambda f: (-f.priority[0], f.group or "", -f.priority[1])):
        for resource in file.resources:
            rows += resource_row(file, resource, number, by_kind, out)
            number += 1
    out.append(f"\nstatic constinit const Resource resource_rows[] = {{\n{rows}}};\n\n")
    out.append("static constinit const Type* const name_rows[] = {\n")
    out += [f"  &{symbol},\n" for _, symbol in name_rows(files)]
    out.append("};\n\nstatic constinit const api::KindRow kind_rows[] = {\n")
    out += [f"  {{{text(kind)}, {text(version)}, {text(group)}, &{struct.symbol}}},\n" for kind, version, group, struct in kinds]
    out.append("};\n\n}  // namespace sampan::schema::tables\n\nnamespace sampan::api {\n")
    out.append("const std::span<const schema::Resource> resources = schema::tables::resource_rows;\n")
    out.append("const std::span<const schema::Type* const> types_by_name = schema::tables::name_rows;\n")
    out.append("const std::span<const KindRow> kinds = schema::tables::kind_rows;\n}  // namespace sampan::api\n")
    return "".join(out).replace("const std::span<", "constinit const std::span<")


def write_all(files, write):
    names = sf.Names(files)
    shapes = Shapes(names)
    for number, part in enumerate(chunks_of(files)):
        body = "".join(struct_table(struct, shapes) for struct in part)
        write(f"tables_{number}.cpp", HEAD + body + "}  // namespace sampan::schema::tables\n")
    body = scalar_tables(files)
    body += "".join(f"static constexpr std::string_view keys_{i}[] = {{{', '.join(map(text, keys))}}};\n"
                    for i, keys in enumerate(shapes.extra))
    body += "".join(f"constinit const Type {name} = {{{node}}};\n" for node, name in shapes.nodes.items())
    write("shapes.cpp", HEAD + body + "\n}  // namespace sampan::schema::tables\n")
    write("tables.h", declarations(files, shapes))
    write("index.cpp", index(files))
