#include "base/check.h"
#include "base/text.h"
#include "registry/selectors.h"

namespace sampan::registry {

namespace {

constexpr std::string_view kName = "metadata.name", kNamespace = "metadata.namespace";

// Parts between commas; a backslash takes the next character along.
std::vector<std::string_view> split_terms(std::string_view text) {
  std::vector<std::string_view> terms;
  size_t start = 0;
  bool escaped = false;
  for (size_t i = 0; i < text.size(); i++) {
    if (escaped) {
      escaped = false;
    } else if (text[i] == '\\') {
      escaped = true;
    } else if (text[i] == ',') {
      terms.push_back(text.substr(start, i - start));
      start = i + 1;
    }
  }
  terms.push_back(text.substr(start));
  return terms;
}

Result<std::string> unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); i++) {
    char c = text[i];
    if (c == ',' || c == '=')
      return fail(bad_request(concat("invalid field selector: unescaped character in value: ", static_cast<int>(c))));
    if (c != '\\') {
      out += c;
      continue;
    }
    auto rest = text.substr(i + 1);
    if (!rest.empty() && (rest[0] == '\\' || rest[0] == ',' || rest[0] == '=')) {
      out += rest[0];
      i++;
      continue;
    }
    // Shows the whole character, however many bytes it has.
    size_t size = rest.empty() ? 0 : 1;
    while (size && size < rest.size() && (rest[size] & 0xc0) == 0x80) size++;
    return fail(bad_request(concat("invalid field selector: invalid escape sequence: \\", rest.substr(0, size))));
  }
  return out;
}

std::string escape(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\\' || c == ',' || c == '=') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

FieldSelector FieldSelector::name_is(std::string_view name) {
  FieldSelector selector;
  selector.terms_.push_back({.label = std::string(kName), .value = std::string(name), .field = Term::Field::Name});
  return selector;
}

Result<FieldSelector> FieldSelector::parse(std::string_view text) {
  FieldSelector selector;
  auto parts = split_terms(text);
  std::sort(parts.begin(), parts.end());
  for (auto part : parts) {
    if (part.empty()) continue;
    size_t at = 0, size = 0;
    for (; at < part.size(); at++) {
      auto rest = part.substr(at);
      size = rest.starts_with("!=") || rest.starts_with("==") ? 2 : rest.starts_with("=") ? 1 : 0;
      if (size) break;
    }
    if (!size) return fail(bad_request(concat("invalid selector: '", text, "'; can't understand '", part, "'")));
    Term term{.label = std::string(part.substr(0, at)), .equal = part[at] == '='};
    term.value = TRY(unescape(part.substr(at + size)));
    selector.terms_.push_back(std::move(term));
  }
  return selector;
}

Result<void> FieldSelector::resolve(std::span<const FieldLabel> labels, bool namespaced, UnknownLabel unknown) {
  for (auto& term : terms_) {
    for (auto& label : labels) {
      if (label.label != term.label) continue;
      term.read = label.value;
      term.field = Term::Field::Other;
    }
    if (term.field != Term::Field::Unresolved) continue;
    if (term.label == kName) {
      term.field = Term::Field::Name;
    } else if (term.label == kNamespace && (namespaced || labels.empty())) {
      term.field = Term::Field::Namespace;
    } else if (labels.empty()) {
      return fail(bad_request(concat(quoted(term.label), " is not a known field selector: only ", quoted(kName), ", ", quoted(kNamespace))));
    } else {
      return fail(bad_request(unknown ? unknown(term.label) : concat("field label not supported: ", term.label)));
    }
  }
  return {};
}

bool FieldSelector::Term::matches(const Object& object) const {
  switch (field) {
    case Field::Name: return (object["metadata"]["name"].as_string() == value) == equal;
    case Field::Namespace: return (object["metadata"]["namespace"].as_string() == value) == equal;
    case Field::Other: return (read(object) == value) == equal;
    case Field::Unresolved: break;
  }
  check(field != Field::Unresolved);
  return false;
}

bool FieldSelector::matches(const Object& object) const {
  for (auto& term : terms_)
    if (!term.matches(object)) return false;
  return true;
}

std::optional<std::string_view> FieldSelector::exact(std::string_view label) const {
  for (auto& term : terms_)
    if (term.equal && term.label == label) return term.value;
  return {};
}

std::vector<FieldSelector::Requirement> FieldSelector::requirements() const {
  std::vector<Requirement> out;
  for (auto& term : terms_) out.push_back({term.label, term.value, term.equal});
  return out;
}

std::string FieldSelector::text() const {
  std::string out;
  for (auto& term : terms_) append(out, out.empty() ? "" : ",", term.label, term.equal ? "=" : "!=", escape(term.value));
  return out;
}

}  // namespace sampan::registry
