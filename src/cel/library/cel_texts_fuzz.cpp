// Any text as what the libraries read texts of objects for: URLs, addresses, quantities, versions, patterns, formats. Each call has a value or a failure, and what is
// written again is read again as the same.
#include "base/check.h"
#include "cel/code_points.h"
#include "cel/evaluate.h"

using namespace sampan;
using namespace sampan::cel;

namespace {

class TextVariable : public Activation {
 public:
  explicit TextVariable(std::string_view text) : text_(Value::borrowed(text)) {}
  std::optional<Maybe<Value>> find(std::string_view) const override { return text_; }

 private:
  Value text_;
};

constexpr std::string_view kExpressions[] = {
    "!isURL(s) || [url(s).getHost(), url(s).getHostname(), url(s).getPort(), url(s).getEscapedPath()].size() + url(s).getQuery().size() >= 4",
    "!isURL(s) || url(s) == url(s)",
    "!isIP(s) || string(ip(string(ip(s)))) == string(ip(s))",
    "!isCIDR(s) || string(cidr(string(cidr(s)).trim()).masked()) == string(cidr(s).masked())",
    "!isQuantity(s) || quantity(s).compareTo(quantity(s)) == 0",
    "!isQuantity(s) || quantity(s).add(1).sub(quantity('500m')).asApproximateFloat() <= 0.0 || quantity(s).asApproximateFloat() > -0.6",
    "!isSemver(s, true) || semver(s, true).compareTo(semver(s, true)) == 0",
    "s.find(s).size() >= 0",
    "'some text, 1.2.3'.findAll(s).size() >= 0",
    "s.format([s, 1, 2.5, [s], {s: s}, null]).size() >= 0",
    "s.split('').join('') == s && s.split(',').join(',') == s && s.replace(',', ',') == s",
    "s.lastIndexOf('a') == -1 || s.charAt(s.lastIndexOf('a')) == 'a' && s.substring(s.indexOf('a')).startsWith('a')",
    "s.trim().trim() == s.trim() && s.lowerAscii().upperAscii() == s.upperAscii() && strings.quote(s).size() >= s.size() + 2",
    "['dns1123Label', 'dns1123Subdomain', 'dns1035Label', 'qualifiedName', 'dns1123LabelPrefix', 'labelValue', 'uri', 'uuid', 'byte', 'date', 'datetime']"
    ".all(name, format.named(name).value().validate(s).orValue([]).size() >= 0)",
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<Checked> all = [] {
    static const Environment environment = [] {
      Environment made = Environment::kubernetes().extend();
      made.declare("s", Type::Kind::String);
      return made;
    }();
    std::vector<Checked> checked;
    for (auto expression : kExpressions) checked.push_back(std::move(*compile(std::string(expression), environment)));
    return checked;
  }();
  std::string text;  // in CEL all texts are UTF-8
  for (std::string_view rest(reinterpret_cast<const char*>(data), size); !rest.empty();) append_code_point(text, take_code_point(rest));
  const TextVariable variable(text);
  for (size_t i = 0; i < all.size(); i++)
    if (auto value = evaluate(all[i], variable).value) check(value->is_true());
  return 0;
}
