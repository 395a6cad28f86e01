"""Reads the schema files of src/api/ (their format is told in src/api/README.md)."""

import json
import pathlib
import re

SCALARS = ("string", "bool", "int32", "int64", "double", "bytes", "time", "microtime", "duration", "quantity",
           "intorstring", "raw")
KINDS = dict(zip(SCALARS, ("String", "Bool", "Int32", "Int64", "Double", "Bytes", "Time", "MicroTime", "Duration",
                           "Quantity", "IntOrString", "Raw")))
WIRES = {"rawmessage": "RawMessage", "schemaorbool": "SchemaOrBool", "schemaorarray": "SchemaOrArray",
         "schemaorstrings": "SchemaOrStrings"}
VERBS = ("create", "get", "list", "watch", "update", "patch", "delete", "deletecollection")
TYPE_WORDS = {"atomic", "retainkeys", "kind"}
FIELD_WORDS = {"required", "always", "atomic", "granular", "immutable", "sensitive", "replace", "set", "keys", "merge",
               "retainkeys", "default", "enum", "format", "min", "max"}


class SchemaError(Exception):
    pass


class Scalar:
    """A named Raw type: how JSON of any shape travels in protobuf."""

    def __init__(self, name, wire, description):
        self.name, self.wire, self.description = name, wire, description


class Struct:
    def __init__(self, file, name, words, description):
        self.file, self.name, self.words, self.description = file, name, words, description
        self.fields = []
        self.full_name = f"{file.package}.{name}"
        self.symbol = f"{file.symbol}_{name}"
        self.id = 0

    def is_kind(self):
        return [f.name for f in self.fields[:2]] == ["kind", "apiVersion"] and not any(f.proto for f in self.fields[:2])


class Field:
    def __init__(self, name, proto, shape, nullable, words, description):
        self.name, self.shape, self.nullable, self.words, self.description = name, shape, nullable, words, description
        self.proto = proto  # the path of numbers, [] for a field that protobuf does not have


class Resource:
    def __init__(self, name, kind, namespaced, words):
        self.name, self.kind, self.namespaced, self.words = name, kind, namespaced, words
        self.subresources = []


class File:
    def __init__(self, key):
        self.key = key  # "core/v1"
        self.symbol = re.sub(r"\W", "_", key)
        self.package = self.group = self.version = None
        self.priority = (0, 0)
        self.structs, self.scalars, self.resources = [], [], []


def tokens(line):
    """Splits a line at spaces outside of quotes; returns the words and the text after '#'."""
    words, word, quoted, i = [], "", False, 0
    while i < len(line):
        c = line[i]
        if quoted and c == "\\":
            word += line[i:i + 2]
            i += 2
            continue
        if c == '"':
            quoted = not quoted
        if not quoted and c == "#" and not word:
            return words, line[i + 1:].strip()
        if c.isspace() and not quoted:
            if word:
                words.append(word)
            word = ""
        else:
            word += c
        i += 1
    if quoted:
        raise SchemaError("a quote is not closed")
    return words + ([word] if word else []), ""


def attributes(words, known):
    out = {}
    for word in words:
        key, _, value = word.partition("=")
        if key not in known:
            raise SchemaError(f"unknown word {key!r}")
        if key in out:
            raise SchemaError(f"{key!r} twice")
        out[key] = value
    return out


def parse_shape(text):
    """'list<map<X>>' -> ('list', ('map', 'X'))"""
    match = re.fullmatch(r"(list|map|items)<(.*)>", text)
    if match:
        return (match[1], parse_shape(match[2]))
    if not re.fullmatch(r"[\w./-]+", text):
        raise SchemaError(f"bad type {text!r}")
    return text


def parse_field(words, description):
    if len(words) < 3:
        raise SchemaError("a field needs a name, a number and a type")
    name, number, shape = words[:3]
    proto = [] if number == "-" else [int(n) for n in number.split(".")]
    attrs = attributes(words[3:], FIELD_WORDS)
    if "default" in attrs:
        json.loads(attrs["default"])
    return Field(name, proto, parse_shape(shape.rstrip("?")), shape.endswith("?"), attrs, description)


def parse_line(file, words, description, indented):
    head = words[0]
    if indented:
        if head == "sub" and file.resources and not file.structs:
            attrs = attributes(words[3:], {"of", "verbs"})
            file.resources[-1].subresources.append((words[1], words[2], attrs))
        elif file.structs:
            file.structs[-1].fields.append(parse_field(words, description))
        else:
            raise SchemaError("indented line outside of a type")
    elif head == "package":
        file.package = words[1]
    elif head == "group":
        file.group, file.version = words[1].strip('"'), words[2]
    elif head == "priority":
        file.priority = (int(words[1]), int(words[2]))
    elif head == "resource":
        attrs = attributes(words[4:], {"verbs", "singular", "short", "categories", "stored"})
        file.resources.append(Resource(words[1], words[2], {"namespaced": True, "cluster": False}[words[3]], attrs))
    elif head == "scalar":
        file.scalars.append(Scalar(words[1], WIRES[words[3]], description))
    elif head == "type":
        file.structs.append(Struct(file, words[1], attributes(words[2:], TYPE_WORDS), description))
    else:
        raise SchemaError(f"unknown line {head!r}")


def parse_file(root, path):
    file = File(str(path.relative_to(root).with_suffix("")))
    for number, line in enumerate(path.read_text().split("\n"), 1):
        try:
            words, description = tokens(line)
            if words:
                parse_line(file, words, description, line[0].isspace())
        except (SchemaError, KeyError, IndexError, ValueError) as error:
            raise SystemExit(f"{path}:{number}: {error}")
    return file


def parse_tree(root):
    root = pathlib.Path(root)
    files = [parse_file(root, path) for path in sorted(root.glob("*/*.schema"))]
    next_id = 1
    for file in files:
        for struct in file.structs:
            struct.id = next_id
            next_id += 1
    return files


class Names:
    """Finds what a type's name means in a file: 'Pod' here, 'core/v1.Pod' elsewhere."""

    def __init__(self, files):
        self.structs, self.scalars = {}, {}
        for file in files:
            for struct in file.structs:
                self.structs[f"{file.key}.{struct.name}"] = struct
            for scalar in file.scalars:
                self.scalars[f"{file.key}.{scalar.name}"] = (file, scalar)

    def find(self, file, name):
        full = name if "/" in name else f"{file.key}.{name}"
        if full in self.structs:
            return self.structs[full]
        if full in self.scalars:
            return self.scalars[full]
        raise SystemExit(f"{file.key}: there is no type {name}")
