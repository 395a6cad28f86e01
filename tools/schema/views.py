"""Writes the typed views (api/core_v1.h) and editors (api/core_v1_edit.h) of every struct type."""

import re

import schema_format as sf

NOTE = "// Made by tools/schema/generate.py from src/api/. Do not edit.\n"
KEYWORDS = {"default", "operator", "namespace", "not", "enum", "template", "continue", "public", "class", "delete", "export",
            "bool", "double", "int", "private", "protected", "new", "this", "union", "switch", "auto", "explicit", "register",
            "linux", "unix"}  # the last two are macros of GNU C++
VIEW_TAKEN = {"base", "at", "present", "slot", "schema_type", "has_field"}
EDIT_TAKEN = {"value", "present", "clear", "put"}

# The type of an accessor, the StructView function that reads it.
SCALARS = {
    "string": ("std::string_view", "string_field"), "bytes": ("std::string_view", "string_field"),
    "quantity": ("std::string_view", "string_field"), "raw": ("std::string_view", "string_field"),
    "bool": ("bool", "bool_field"), "int32": ("int32_t", "int32_field"), "int64": ("int64_t", "int64_field"),
    "time": ("int64_t", "int64_field"), "microtime": ("int64_t", "int64_field"), "duration": ("int64_t", "int64_field"),
    "double": ("double", "double_field"), "intorstring": ("schema::IntOrString", "int_or_string_field"),
}
# What an editor's setter takes, and the function of Edit it calls. Everything else is set as a Value.
SETTERS = {
    "string": ("std::string_view", "put_text"), "quantity": ("std::string_view", "put_text"), "bool": ("bool", "put"),
    "int32": ("int32_t", "put"), "int64": ("int64_t", "put"), "double": ("double", "put"),
    "time": ("int64_t", "put_time"), "microtime": ("int64_t", "put_micro_time"),
}
GETTERS = {"string": ("std::string_view", "as_string"), "quantity": ("std::string_view", "as_string"), "bool": ("bool", "as_bool"),
           "int32": ("int32_t", "as_int"), "int64": ("int64_t", "as_int"), "double": ("double", "as_double")}


def snake(name):
    """podIPs -> pod_ips, clusterIP -> cluster_ip, x-kubernetes-validations -> x_kubernetes_validations"""
    name = re.sub(r"\W+", "_", name).strip("_")
    name = re.sub(r"([A-Z]{2,})s(?=[A-Z]|$)", lambda m: m[1].capitalize() + "s", name)  # IPs -> Ips
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name).lower()


def identifier(name, taken):
    name = snake(name)
    return name + "_" if name in KEYWORDS or name in taken else name


class Writer:
    def __init__(self, file, names):
        self.file, self.names, self.needs = file, names, set()

    def resolve(self, shape):
        """A scalar's word or the Struct that the name of an element means."""
        if shape in sf.SCALARS:
            return shape
        found = self.names.find(self.file, shape)
        return found if isinstance(found, sf.Struct) else "raw"

    def qualified(self, struct, suffix=""):
        if struct.file is self.file:
            return struct.name + suffix
        self.needs.add(struct.file)
        return f"{struct.file.symbol}::{struct.name}{suffix}"

    def view_type(self, shape):
        if isinstance(shape, tuple):
            return f"schema::{'MapView' if shape[0] == 'map' else 'ListView'}<{self.view_type(shape[1])}>"
        found = self.resolve(shape)
        return SCALARS[found][0] if isinstance(found, str) else self.qualified(found)

    def view_accessor(self, struct, index, field):
        name, words = identifier(field.name, VIEW_TAKEN), (len(struct.fields) + 31) // 32
        where, cpp = f"{index}, {words}", self.view_type(field.shape)
        plain = isinstance(field.shape, str) and isinstance(self.resolve(field.shape), str)
        if plain:
            read = f"{SCALARS[self.resolve(field.shape)][1]}({where})"
            if field.nullable:
                return f"  std::optional<{cpp}> {name}() const {{ if (!has_field({where})) return {{}}; return {read}; }}\n"
            return f"  {cpp} {name}() const {{ return {read}; }}\n"
        # An accessor may have the name of its type only if the type is written in full.
        line = f"  {cpp} {name}() const {{ {cpp} v; v.base = base; v.at = slot({where}); return v; }}\n"
        if field.nullable:
            line += f"  bool has_{name.rstrip('_')}() const {{ return has_field({where}); }}\n"
        return line

    def view(self, struct):
        out = f"struct {struct.name} : schema::StructView {{\n"
        out += f"  static const schema::Type& schema_type() {{ return schema::tables::{struct.symbol}; }}\n"
        for index, field in enumerate(struct.fields):
            if struct.full_name.endswith(".meta.v1.ObjectMeta") and field.name == "resourceVersion":
                continue  # lives in Object::revision()
            out += self.view_accessor(struct, index, field)
        return out + "};\n\n"

    def edit_accessors(self, struct, field):
        name, literal = identifier(field.name, EDIT_TAKEN), f'"{field.name}"'
        plain = name.rstrip("_")
        found = self.resolve(field.shape) if isinstance(field.shape, str) else None
        if isinstance(found, sf.Struct):
            cpp = self.qualified(found, "Edit")
            out = f"  {cpp} {name}() const {{ return {cpp}(value[{literal}]); }}\n"
            out += f"  {cpp} ensure_{plain}() const {{ return {cpp}(value.ensure_object({literal})); }}\n"
        elif field.shape[0] == "list" and isinstance(field.shape[1], str) and isinstance(self.resolve(field.shape[1]), sf.Struct):
            cpp = f"schema::ListEdit<{self.qualified(self.resolve(field.shape[1]), 'Edit')}>"
            out = f"  {cpp} {name}() const {{ return {cpp}(value[{literal}]); }}\n"
            out += f"  {cpp} ensure_{plain}() const {{ return {cpp}(value.ensure_list({literal})); }}\n"
        elif isinstance(field.shape, tuple):
            ensure = "ensure_object" if field.shape[0] == "map" else "ensure_list"
            out = f"  schema::Value {name}() const {{ return value[{literal}]; }}\n"
            out += f"  schema::Value ensure_{plain}() const {{ return value.{ensure}({literal}); }}\n"
        else:
            cpp, read = GETTERS.get(found, ("schema::Value", None))
            cast = "static_cast<int32_t>" if found == "int32" else ""
            read = f"value[{literal}].{read}()" if read else f"value[{literal}]"
            out = f"  {cpp} {name}() const {{ return {cast}({read}); }}\n" if cast else f"  {cpp} {name}() const {{ return {read}; }}\n"
            takes, call = SETTERS.get(found, ("schema::Value", "put"))
            out += f"  void set_{plain}({takes} v) const {{ {call}({literal}, v); }}\n"
        return out

    def edit(self, struct):
        out = f"struct {struct.name}Edit : schema::Edit {{\n  using Edit::Edit;\n"
        return out + "".join(self.edit_accessors(struct, field) for field in struct.fields) + "};\n\n"


def in_order(file, names):
    """The structs of a file, each behind those it holds by value."""
    done, out = set(), []

    def visit(struct):
        if struct.name in done:
            return
        done.add(struct.name)
        for field in struct.fields:
            shape = field.shape
            while isinstance(shape, tuple):
                shape = shape[1]
            if shape not in sf.SCALARS:
                found = names.find(file, shape)
                if isinstance(found, sf.Struct) and found.file is file:
                    visit(found)
        out.append(struct)

    for struct in file.structs:
        visit(struct)
    return out


def header(file, writer, body, base, suffix):
    needs = sorted(f.symbol for f in writer.needs)
    out = NOTE + "#pragma once\n" + "".join(f'#include "api/{n}{suffix}.h"\n' for n in needs) + f'#include "{base}"\n\n'
    if not suffix and file.structs:
        out += "namespace sampan::schema::tables {\nextern const Type " + ", ".join(s.symbol for s in file.structs)
        out += ";\n}\n\n"
    out += f"namespace sampan::api::{file.symbol} {{\n\n"
    return out + "".join(f"struct {s.name}{'Edit' if suffix else ''};\n" for s in file.structs) + "\n" + body + \
        f"}}  // namespace sampan::api::{file.symbol}\n"


def write_all(files, write):
    names = sf.Names(files)
    for file in files:
        structs = in_order(file, names)
        writer = Writer(file, names)
        body = "".join(writer.view(struct) for struct in structs)
        write(f"{file.symbol}.h", header(file, writer, body, "schema/object.h", ""))
        writer = Writer(file, names)
        body = "".join(writer.edit(struct) for struct in structs)
        write(f"{file.symbol}_edit.h", header(file, writer, body, "schema/edit.h", "_edit"))
