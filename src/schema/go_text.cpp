#include "schema/go_text.h"

#include "base/encoding.h"
#include "base/text.h"
#include "schema/go_names.h"

namespace sampan::schema {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// As Go's package of times quotes: bytes, not characters.
std::string time_quoted(std::string_view text) {
  constexpr char hex[] = "0123456789abcdef";
  std::string out = "\"";
  for (unsigned char c : text) {
    if (c < 0x20 || c >= 0x80) {
      append(out, "\\x", std::string_view(&hex[c >> 4], 1), std::string_view(&hex[c & 15], 1));
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<char>(c);
  }
  return out += '"';
}

// Reads a time piece by piece along its layout, keeping what is left of the text for the error.
class TimeReader {
 public:
  TimeReader(std::string_view text, bool micro) : text_(text), rest_(text), micro_(micro) {}

  bool read(int64_t& microseconds) {
    unsigned year, month, day, hour, minute, second, fraction = 0;
    if (!digits(4, "2006", year) || !literal('-') || !number("01", true, month)) return false;
    if (month < 1 || month > 12) return out_of_range("month");
    if (!literal('-') || !number("02", true, day) || !literal('T') || !number("15", false, hour)) return false;
    if (hour > 23) return out_of_range("hour");
    if (!literal(':') || !number("04", true, minute)) return false;
    if (minute > 59) return out_of_range("minute");
    if (!literal(':') || !number("05", true, second)) return false;
    if (second > 59) return out_of_range("second");
    if (micro_ ? !six_digits(fraction) : !any_fraction(fraction)) return false;
    int64_t offset = 0;
    if (!zone(offset)) return false;
    if (!rest_.empty()) return message(concat(": extra text: ", time_quoted(rest_)));
    std::string plain;
    auto pad = [&](unsigned value, size_t width) {
      std::string piece = std::to_string(value);
      plain.append(width - piece.size(), '0');
      plain += piece;
    };
    pad(year, 4);
    plain += '-';
    pad(month, 2);
    plain += '-';
    if (day > 31) return out_of_range("day");
    pad(day, 2);
    plain += "T00:00:00Z";
    if (!parse_time(plain, microseconds)) return out_of_range("day");
    microseconds += (int64_t{hour} * 3600 + minute * 60 + second - offset) * 1'000'000 + fraction;
    return true;
  }

  std::string error;

 private:
  bool message(std::string_view text) {
    error = concat("parsing time ", time_quoted(text_), text);
    return false;
  }
  bool out_of_range(std::string_view what) { return message(concat(": ", what, " out of range")); }
  bool cannot(std::string_view element) {
    return message(concat(" as ", time_quoted(micro_ ? "2006-01-02T15:04:05.000000Z07:00" : "2006-01-02T15:04:05Z07:00"), ": cannot parse ",
                          time_quoted(rest_), " as ", time_quoted(element)));
  }
  bool literal(char c) {
    if (rest_.empty() || rest_[0] != c) return cannot({&c, 1});
    rest_.remove_prefix(1);
    return true;
  }
  bool digits(size_t width, std::string_view element, unsigned& value) {
    value = 0;
    if (rest_.size() < width) return cannot(element);
    for (size_t i = 0; i < width; i++) {
      if (!is_digit(rest_[i])) return cannot(element);
      value = value * 10 + static_cast<unsigned>(rest_[i] - '0');
    }
    rest_.remove_prefix(width);
    return true;
  }
  // Two digits, or one where Go is content with one.
  bool number(std::string_view element, bool fixed, unsigned& value) {
    bool two = rest_.size() >= 2 && is_digit(rest_[1]);
    return digits(two || fixed ? 2 : 1, element, value);
  }
  bool any_fraction(unsigned& micro) {
    if (rest_.size() < 2 || (rest_[0] != '.' && rest_[0] != ',') || !is_digit(rest_[1])) return true;
    rest_.remove_prefix(1);
    for (unsigned scale = 100'000; !rest_.empty() && is_digit(rest_[0]); scale /= 10) {
      micro += static_cast<unsigned>(rest_[0] - '0') * scale;
      rest_.remove_prefix(1);
    }
    return true;
  }
  bool six_digits(unsigned& micro) {
    if (rest_.size() < 7 || (rest_[0] != '.' && rest_[0] != ',')) return cannot(".000000");
    for (int i = 1; i <= 6; i++) {
      if (!is_digit(rest_[i])) return cannot(".000000");
      micro = micro * 10 + static_cast<unsigned>(rest_[i] - '0');
    }
    rest_.remove_prefix(7);
    return true;
  }
  bool zone(int64_t& offset) {
    if (!rest_.empty() && rest_[0] == 'Z') {
      rest_.remove_prefix(1);
      return true;
    }
    auto digit = [&](size_t i) { return is_digit(rest_[i]); };
    if (rest_.size() < 6 || (rest_[0] != '+' && rest_[0] != '-') || rest_[3] != ':' || !digit(1) || !digit(2) || !digit(4) || !digit(5))
      return cannot("Z07:00");
    int hours = (rest_[1] - '0') * 10 + rest_[2] - '0', minutes = (rest_[4] - '0') * 10 + rest_[5] - '0';
    if (hours > 24) return out_of_range("time zone offset hour");
    if (minutes > 60) return out_of_range("time zone offset minute");
    offset = (hours * 60 + minutes) * 60;
    if (rest_[0] == '-') offset = -offset;
    rest_.remove_prefix(6);
    return true;
  }

  std::string_view text_, rest_;
  bool micro_;
};

// "io.k8s.api.core.v1.PodSpec" -> "v1.PodSpec"
std::string_view short_name(std::string_view full) {
  size_t dot = full.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return full;
  size_t before = full.rfind('.', dot - 1);
  return before == std::string_view::npos ? full : full.substr(before + 1);
}

// The facts of one field that its schema does not tell: see go_names.cpp.
bool find_go_name(const Type& owner, const Field& field, std::string_view& type, std::string_view& embedding) {
  if (owner.name.empty()) return false;
  std::string_view text = go_names();
  // A line is a type, then its fields: "io.k8s.api.core.v1.PodSpec restartPolicy=v1.RestartPolicy ..."
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    size_t space = line.find(' ');
    if (line.substr(0, space) != owner.name) continue;
    for (std::string_view entry : split(line.substr(space + 1), ' ')) {
      size_t equals = entry.find('='), slash = entry.find('/');
      if (entry.substr(0, equals) != field.name) continue;
      type = entry.substr(equals + 1, slash == std::string_view::npos ? slash : slash - equals - 1);
      embedding = slash == std::string_view::npos ? std::string_view() : entry.substr(slash + 1);
      return true;
    }
    return false;
  }
  return false;
}

}  // namespace

bool parse_go_time(std::string_view text, bool micro, int64_t& microseconds, std::string& error) {
  TimeReader reader(text, micro);
  if (reader.read(microseconds)) return true;
  error = std::move(reader.error);
  return false;
}

bool parse_go_duration(std::string_view text, int64_t& nanoseconds, std::string& error) {
  if (parse_duration(text, nanoseconds)) return true;
  std::string_view rest = text;
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) rest.remove_prefix(1);
  error = concat("time: invalid duration ", time_quoted(text));
  while (!rest.empty()) {
    size_t digits = std::min(rest.find_first_not_of("0123456789."), rest.size());
    if (digits == 0 || rest.substr(0, digits) == "." || rest.find('.') != rest.substr(0, digits).rfind('.')) return false;
    rest.remove_prefix(digits);
    size_t letters = std::min(rest.find_first_of("0123456789."), rest.size());
    std::string_view unit = rest.substr(0, letters);
    if (unit.empty()) {
      error = concat("time: missing unit in duration ", time_quoted(text));
      return false;
    }
    int64_t unused;
    if (!parse_duration(concat("1", unit), unused)) {
      error = concat("time: unknown unit ", time_quoted(unit), " in duration ", time_quoted(text));
      return false;
    }
    rest.remove_prefix(letters);
  }
  return false;
}

int64_t base64_error_at(std::string_view text) {
  size_t at = 0;
  auto is_line_end = [&] { return at < text.size() && (text[at] == '\n' || text[at] == '\r'); };
  auto is_value = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '/'; };
  while (true) {
    for (int have = 0; have < 4;) {
      while (is_line_end()) at++;
      if (at == text.size()) return have == 0 ? -1 : static_cast<int64_t>(at) - have;
      char c = text[at++];
      if (is_value(c)) {
        have++;
        continue;
      }
      if (c != '=' || have < 2) return static_cast<int64_t>(at) - 1;
      if (have == 2) {
        while (is_line_end()) at++;
        if (at == text.size()) return static_cast<int64_t>(at);
        if (text[at] != '=') return static_cast<int64_t>(at) - 1;
        at++;
      }
      while (is_line_end()) at++;
      return at < text.size() ? static_cast<int64_t>(at) : -1;
    }
  }
}

std::string go_type_name(const Type& type) {
  switch (type.kind) {
    case Kind::String: return "string";
    case Kind::Bool: return "bool";
    case Kind::Int32: return "int32";
    case Kind::Int64: return "int64";
    case Kind::Double: return "float64";
    case Kind::Bytes: return "[]uint8";
    case Kind::List: return concat("[]", go_type_name(*type.element));
    case Kind::Map: return concat("map[string]", go_type_name(*type.element));
    case Kind::Time:
    case Kind::MicroTime:
    case Kind::Duration:
    case Kind::Quantity:
    case Kind::IntOrString:
    case Kind::Raw:
    case Kind::Struct: return std::string(short_name(type.name));
  }
  return {};
}

std::string go_type_name(const Type& owner, const Field& field) {
  std::string_view type, embedding;
  if (find_go_name(owner, field, type, embedding) && !type.empty()) return std::string(type);
  return go_type_name(*field.type);
}

std::string go_field_name(const Type& owner, std::string_view field) {
  // First those that one type alone calls something of its own.
  static constexpr std::pair<std::string_view, std::string_view> names[] = {
      {"AzureDiskVolumeSource.diskURI", "DataDiskURI"},
      {"GlusterfsVolumeSource.endpoints", "EndpointsName"},
      {"ISCSIVolumeSource.chapAuthDiscovery", "DiscoveryCHAPAuth"},
      {"ISCSIVolumeSource.chapAuthSession", "SessionCHAPAuth"},
      {"PodSpec.serviceAccount", "DeprecatedServiceAccount"},
      {"RBDVolumeSource.image", "RBDImage"},
      {"RBDVolumeSource.monitors", "CephMonitors"},
      {"RBDVolumeSource.pool", "RBDPool"},
      {"RBDVolumeSource.user", "RadosUser"},
      {"apiGroup", "APIGroup"},
      {"apiVersion", "APIVersion"},
      {"awsElasticBlockStore", "AWSElasticBlockStore"},
      {"cephfs", "CephFS"},
      {"csi", "CSI"},
      {"dnsConfig", "DNSConfig"},
      {"dnsPolicy", "DNSPolicy"},
      {"fc", "FC"},
      {"fsGroup", "FSGroup"},
      {"fsGroupChangePolicy", "FSGroupChangePolicy"},
      {"fsType", "FSType"},
      {"gcePersistentDisk", "GCEPersistentDisk"},
      {"gmsaCredentialSpec", "GMSACredentialSpec"},
      {"gmsaCredentialSpecName", "GMSACredentialSpecName"},
      {"grpc", "GRPC"},
      {"httpGet", "HTTPGet"},
      {"httpHeaders", "HTTPHeaders"},
      {"ip", "IP"},
      {"iqn", "IQN"},
      {"iscsi", "ISCSI"},
      {"iscsiInterface", "ISCSIInterface"},
      {"metadata", "ObjectMeta"},
      {"nfs", "NFS"},
      {"os", "OS"},
      {"pdName", "PDName"},
      {"rbd", "RBD"},
      {"seLinuxChangePolicy", "SELinuxChangePolicy"},
      {"seLinuxOptions", "SELinuxOptions"},
      {"sslEnabled", "SSLEnabled"},
      {"storageos", "StorageOS"},
      {"tcpSocket", "TCPSocket"},
      {"tty", "TTY"},
      {"uid", "UID"},
      {"wwids", "WWIDs"},
  };
  std::string type(owner.name.substr(owner.name.rfind('.') + 1));
  // Sources of persistent volumes are called as those of pods.
  if (auto at = type.find("Persistent"); at != std::string::npos && type.ends_with("VolumeSource")) type.erase(at, std::string_view("Persistent").size());
  auto qualified = concat(type, ".", field);
  for (const auto& [json, go] : names)
    if (json == qualified || json == field) return std::string(go);
  // Then initialisms, which are in capitals as a first word.
  static constexpr std::pair<std::string_view, std::string_view> initialisms[] = {{"api", "API"}, {"id", "ID"},     {"http", "HTTP"}, {"url", "URL"}, {"cpu", "CPU"},
                                                                                  {"tcp", "TCP"}, {"fs", "FS"},     {"tls", "TLS"},   {"cidr", "CIDR"}, {"gmsa", "GMSA"},
                                                                                  {"dns", "DNS"}, {"gce", "GCE"},   {"aws", "AWS"},   {"cel", "CEL"}};
  size_t word = 0;
  while (word < field.size() && field[word] >= 'a' && field[word] <= 'z') word++;
  for (auto [lower, upper] : initialisms)
    if (field.substr(0, word) == lower) return concat(upper, field.substr(word));
  std::string name(field);
  if (!name.empty() && name[0] >= 'a' && name[0] <= 'z') name[0] = static_cast<char>(name[0] - 'a' + 'A');
  return name;
}

std::string_view go_embedding(const Type& owner, const Field& field) {
  if (field.proto == 0 && (field.name == "kind" || field.name == "apiVersion")) return "TypeMeta.";
  std::string_view type, embedding;
  find_go_name(owner, field, type, embedding);
  return embedding;
}

std::string_view json_type_name(Value value) {
  switch (value.type()) {
    case Value::Type::Bool: return "bool";
    case Value::Type::Int:
    case Value::Type::Double: return "number";
    case Value::Type::String: return "string";
    case Value::Type::List: return "array";
    case Value::Type::Object: return "object";
    case Value::Type::Absent:
    case Value::Type::Null: break;
  }
  return "null";
}

}  // namespace sampan::schema
