// YAML to trees: libyaml's events, put together by go-yaml's rules.
#include <yaml.h>

#include "base/encoding.h"
#include "base/text.h"
#include "schema/json.h"
#include "schema/yaml.h"

namespace sampan::schema {

namespace {

constexpr std::string_view kTagPrefix = "tag:yaml.org,2002:";

std::string_view view_of(const yaml_char_t* text) { return text ? reinterpret_cast<const char*>(text) : std::string_view(); }

class YamlParser {
 public:
  YamlParser(std::string_view text, Arena& arena, YamlLimits limits, std::vector<std::string>* duplicates)
      : arena_(arena), limits_(limits), duplicates_(duplicates) {
    yaml_parser_initialize(&parser_);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  ~YamlParser() {
    yaml_event_delete(&event_);
    yaml_parser_delete(&parser_);
  }
  YamlParser(const YamlParser&) = delete;
  YamlParser& operator=(const YamlParser&) = delete;

  std::string problem;

  bool documents(std::vector<Value>& out) {
    while (true) {
      if (!next()) return false;
      if (event_.type == YAML_STREAM_END_EVENT) return true;
      if (event_.type != YAML_DOCUMENT_START_EVENT) continue;
      anchors_.clear();
      Value value;
      if (!next() || !node(value, 0)) return prefer_syntax_error();
      out.push_back(value);
      if (limits_.first_only) return true;
    }
  }

 private:
  bool bad(std::string text) {
    problem = concat("yaml: ", text);
    return false;
  }

  bool over_limit(std::string text) {
    limit_hit_ = true;
    return bad(std::move(text));
  }

  bool next() {
    yaml_event_delete(&event_);
    if (yaml_parser_parse(&parser_, &event_)) return true;
    size_t line = parser_.problem_mark.line;
    if (line != 0)
      line += parser_.error == YAML_SCANNER_ERROR;  // the scanner has not stepped over the line yet
    else
      line = parser_.context_mark.line;
    std::string_view what = parser_.problem ? parser_.problem : "unknown problem parsing YAML content";
    return bad(line ? concat("line ", line, ": ", what) : std::string(what));
  }

  // Go reads the whole document before it looks at what it means.
  bool prefer_syntax_error() {
    while (!limit_hit_ && parser_.error == YAML_NO_ERROR && event_.type != YAML_STREAM_END_EVENT && event_.type != YAML_DOCUMENT_END_EVENT)
      if (!next()) break;
    return false;
  }

  // At the first event of a node.
  bool node(Value& out, int depth) {
    if (depth > limits_.depth_max) return over_limit("exceeded max depth");
    switch (event_.type) {
      case YAML_ALIAS_EVENT: return alias(out);
      case YAML_SCALAR_EVENT: {
        std::string anchor(view_of(event_.data.scalar.anchor));
        bool merge;
        if (!scalar(out, merge)) return false;
        if (!anchor.empty()) anchors_[anchor] = {out, false};
        return true;
      }
      case YAML_SEQUENCE_START_EVENT: return sequence(out, depth);
      case YAML_MAPPING_START_EVENT: return mapping(out, depth);
      default: return bad("unknown problem parsing YAML content");
    }
  }

  struct Anchor {
    Value value;
    bool open = false;  // not closed yet: it would hold itself
  };

  static size_t count(Value value) {
    size_t nodes = 1;
    for (Value item : value.items()) nodes += count(item);
    for (const Member& member : value.members()) nodes += 1 + count(member.value);
    return nodes;
  }

  bool alias(Value& out) {
    std::string name(view_of(event_.data.alias.anchor));
    auto found = anchors_.find(name);
    if (found == anchors_.end()) return bad(concat("unknown anchor '", name, "' referenced"));
    if (found->second.open) return bad(concat("anchor '", name, "' value contains itself"));
    unfolded_ += count(found->second.value);
    if (unfolded_ > limits_.alias_nodes_max) return over_limit("document contains excessive aliasing");
    out = found->second.value.clone(arena_);  // its own copy, since trees are changed in place
    return true;
  }

  // `merge`: it is the key <<.
  bool scalar(Value& out, bool& merge) {
    merge = false;
    const auto& data = event_.data.scalar;
    std::string_view text = arena_.copy({reinterpret_cast<const char*>(data.value), data.length}), tag = view_of(data.tag);
    bool plain = data.style == YAML_PLAIN_SCALAR_STYLE;
    out = Value(text);
    if (tag.starts_with(kTagPrefix)) tag.remove_prefix(kTagPrefix.size());
    merge = text == "<<" && (tag == "merge" || (tag.empty() && plain));
    if (merge || tag == "!" || tag == "str" || (tag.empty() && !plain)) return true;
    if (tag == "binary") {
      std::string bytes;
      if (!decode_base64(text, bytes)) return bad("!!binary value contains invalid base64 data");
      out = Value(arena_.copy(bytes));
      return true;
    }
    constexpr std::string_view names[] = {"null", "bool", "int", "float", "timestamp", "str"};
    if (!tag.empty() && std::find(std::begin(names), std::end(names), tag) == std::end(names)) return true;  // a tag of one's own
    YamlKind kind = resolve_yaml(text, out);
    std::string_view name = names[static_cast<size_t>(kind)];
    if (!tag.empty() && tag != name && !(tag == "float" && kind == YamlKind::Int))
      return bad(concat("cannot decode !!", name, " `", text, "` as a !!", tag));
    double real = out.as_double();
    if (real - real != 0) {
      problem = concat("json: unsupported value: ", real != real ? "NaN" : real > 0 ? "+Inf" : "-Inf");
      return false;
    }
    return true;
  }

  bool sequence(Value& out, int depth) {
    std::string anchor(view_of(event_.data.sequence_start.anchor));
    out = Value::list(arena_);
    if (!anchor.empty()) anchors_[anchor] = {out, true};
    while (true) {
      if (!next()) return false;
      if (event_.type == YAML_SEQUENCE_END_EVENT) break;
      Value item;
      if (!node(item, depth + 1)) return false;
      out.push(item);
    }
    if (!anchor.empty()) anchors_[anchor].open = false;
    return true;
  }

  bool mapping(Value& out, int depth) {
    std::string anchor(view_of(event_.data.mapping_start.anchor));
    out = Value::object(arena_);
    if (!anchor.empty()) anchors_[anchor] = {out, true};
    while (true) {
      if (!next()) return false;
      if (event_.type == YAML_MAPPING_END_EVENT) break;
      size_t line = event_.start_mark.line + 1;
      Value key, value;
      bool merge = false;
      if (event_.type == YAML_SCALAR_EVENT ? !scalar(key, merge) : !node(key, depth + 1)) return false;
      if (!next() || !node(value, depth + 1)) return false;
      if (merge) {
        if (!merge_into(out, value)) return false;
        continue;
      }
      std::string_view name;
      if (!key_text(key, name)) return false;
      if (out.has(name) && duplicates_) duplicates_->push_back(concat("line ", line, ": key ", go_syntax(key), " already set in map"));
      out.set(name, value);
    }
    if (!anchor.empty()) anchors_[anchor].open = false;
    return true;
  }

  static std::string go_syntax(Value key) {
    if (key.is_string()) return quoted(key.as_string());
    std::string text;
    write_json(text, key);
    return text;
  }

  // JSON knows only text as keys.
  bool key_text(Value key, std::string_view& name) {
    if (key.is_string()) {
      name = key.as_string();
      return true;
    }
    if (key.is_list() || key.is_object()) return bad("invalid map key");
    if (key.is_null()) {
      problem = "unsupported map key of type: %!s(<nil>), key: <nil>";
      return false;
    }
    std::string text;
    if (key.is_double())
      append_yaml_float(text, static_cast<float>(key.as_double()));
    else
      write_json(text, key);
    name = arena_.copy(text);
    return true;
  }

  bool merge_into(Value out, Value from) {
    if (from.is_list()) {
      std::span<Value> items = from.items();
      for (size_t i = items.size(); i-- > 0;) {  // the first one counts most
        if (!items[i].is_object()) return bad("map merge requires map or sequence of maps as the value");
        merge_into(out, items[i]);
      }
      return true;
    }
    if (!from.is_object()) return bad("map merge requires map or sequence of maps as the value");
    for (const Member& member : from.members()) out.set(member.name, member.value);
    return true;
  }

  yaml_parser_t parser_;
  yaml_event_t event_{};
  Arena& arena_;
  YamlLimits limits_;
  std::vector<std::string>* duplicates_;
  std::map<std::string, Anchor> anchors_;
  size_t unfolded_ = 0;
  bool limit_hit_ = false;  // hostile input is not read to its end
};

}  // namespace

Result<std::vector<Value>> parse_yaml(std::string_view text, Arena& arena, YamlLimits limits, std::vector<std::string>* duplicates) {
  std::vector<Value> documents;
  YamlParser parser(text, arena, limits, duplicates);
  if (!parser.documents(documents)) return fail(bad_request(std::move(parser.problem)));
  return documents;
}

}  // namespace sampan::schema
