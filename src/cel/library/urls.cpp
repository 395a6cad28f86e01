// Kubernetes' functions over URLs.
#include "base/text.h"
#include "cel/libraries.h"
#include "cel/library/support.h"
#include "cel/library/url.h"

namespace sampan::cel {

namespace {

using namespace library;

struct UrlValue final : Opaque {
  explicit UrlValue(Url u) : url(std::move(u)) {}
  Type type() const override { return Type::structure("kubernetes.URL"); }
  bool equals(const Opaque& other) const override { return url.text() == static_cast<const UrlValue&>(other).url.text(); }
  Url url;
};

const Url& url_of(const Value& value) { return opaque_as<UrlValue>(value).url; }

// Judged as the target of a request, then taken apart with its fragment.
Maybe<Value> url(Arguments arguments) {
  auto text = arguments[0].as_text();
  auto parsed = Url::parse(text, true);
  if (parsed) parsed = Url::parse(text, false);
  if (!parsed) return failed(concat("URL parse error during conversion from string: ", parsed.error()));
  return Value::opaque(Ref<UrlValue>(new UrlValue(*std::move(parsed))));
}
Maybe<Value> is_url(Arguments arguments) { return Value::boolean(Url::parse(arguments[0].as_text(), true).has_value()); }

Maybe<Value> get_scheme(Arguments arguments) { return Value::string(url_of(arguments[0]).scheme()); }
Maybe<Value> get_host(Arguments arguments) { return Value::string(url_of(arguments[0]).host()); }
Maybe<Value> get_host_name(Arguments arguments) { return Value::string(std::string(url_of(arguments[0]).host_name())); }
Maybe<Value> get_port(Arguments arguments) { return Value::string(std::string(url_of(arguments[0]).port())); }
Maybe<Value> get_escaped_path(Arguments arguments) { return Value::string(url_of(arguments[0]).escaped_path()); }
Maybe<Value> get_query(Arguments arguments) {
  std::vector<std::pair<Value, Value>> entries;
  for (auto& [name, values] : url_of(arguments[0]).query()) {
    std::vector<Value> items;
    for (auto& value : values) items.push_back(Value::string(value));
    entries.emplace_back(Value::string(name), Value::list(std::move(items)));
  }
  return Value::map(std::move(entries));
}

}  // namespace

void add_urls(Environment& environment) {
  const Type text = Type::Kind::String, of = Type::structure("kubernetes.URL");
  environment.declare({"url", {function("string_to_url", {text}, of, url, cost_of_text)}});
  environment.declare({"isURL", {function("is_url_string", {text}, Type::Kind::Bool, is_url)}});
  environment.declare({"getScheme", {member("url_get_scheme", {of}, text, get_scheme)}});
  environment.declare({"getHost", {member("url_get_host", {of}, text, get_host)}});
  environment.declare({"getHostname", {member("url_get_hostname", {of}, text, get_host_name)}});
  environment.declare({"getPort", {member("url_get_port", {of}, text, get_port)}});
  environment.declare({"getEscapedPath", {member("url_get_escaped_path", {of}, text, get_escaped_path)}});
  environment.declare({"getQuery", {member("url_get_query", {of}, Type::map(text, Type::list(text)), get_query)}});
}

}  // namespace sampan::cel
