#include "net/message.h"

#include <cctype>
#include <ctime>

#include "net/protocol.h"

namespace sampan::net {

std::string_view Request::header(std::string_view lower_case_name) const {
  for (auto& [name, value] : headers)
    if (name == lower_case_name) return value;
  return {};
}

std::shared_ptr<const PeerCertificate> VerifiedPeer::now() const {
  if (!certificate || time(nullptr) <= expires_at_s) return certificate;
  static const auto refused = std::make_shared<const PeerCertificate>(PeerCertificate{.is_client = false});
  return refused;
}

std::string_view reason_phrase(int status) {
  static constexpr std::pair<int, std::string_view> phrases[] = {
      {100, "Continue"}, {101, "Switching Protocols"}, {200, "OK"}, {201, "Created"}, {202, "Accepted"},
      {203, "Non-Authoritative Information"}, {204, "No Content"}, {205, "Reset Content"}, {206, "Partial Content"},
      {300, "Multiple Choices"}, {301, "Moved Permanently"}, {302, "Found"}, {303, "See Other"}, {304, "Not Modified"},
      {307, "Temporary Redirect"}, {308, "Permanent Redirect"}, {400, "Bad Request"}, {401, "Unauthorized"},
      {402, "Payment Required"}, {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"},
      {406, "Not Acceptable"}, {407, "Proxy Authentication Required"}, {408, "Request Timeout"}, {409, "Conflict"},
      {410, "Gone"}, {411, "Length Required"}, {412, "Precondition Failed"}, {413, "Request Entity Too Large"},
      {414, "Request URI Too Long"}, {415, "Unsupported Media Type"}, {416, "Requested Range Not Satisfiable"},
      {417, "Expectation Failed"}, {418, "I'm a teapot"}, {421, "Misdirected Request"}, {422, "Unprocessable Entity"},
      {423, "Locked"}, {424, "Failed Dependency"}, {425, "Too Early"}, {426, "Upgrade Required"},
      {428, "Precondition Required"}, {429, "Too Many Requests"}, {431, "Request Header Fields Too Large"},
      {451, "Unavailable For Legal Reasons"}, {500, "Internal Server Error"}, {501, "Not Implemented"},
      {502, "Bad Gateway"}, {503, "Service Unavailable"}, {504, "Gateway Timeout"}, {505, "HTTP Version Not Supported"},
      {507, "Insufficient Storage"}, {508, "Loop Detected"}, {511, "Network Authentication Required"},
  };
  auto found = std::lower_bound(std::begin(phrases), std::end(phrases), status,
                                [](const auto& entry, int wanted) { return entry.first < wanted; });
  return found != std::end(phrases) && found->first == status ? found->second : std::string_view();
}

std::string canonical_name(std::string_view lower_case_name) {
  std::string name(lower_case_name);
  bool first = true;
  for (char& c : name) {
    if (first && c >= 'a' && c <= 'z') c -= 'a' - 'A';
    first = c == '-';
  }
  return name;
}

std::string_view http_date() {
  thread_local time_t made_at = 0;
  thread_local char text[32];
  thread_local size_t size = 0;
  time_t now = time(nullptr);
  if (now != made_at) {
    tm parts;
    gmtime_r(&now, &parts);
    size = strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);  // the program keeps the C locale
    made_at = now;
  }
  return {text, size};
}

bool has_body(int status) { return status >= 200 && status != 204 && status != 304; }

std::string safe_value(std::string value) {
  for (char& c : value)
    if (c == '\r' || c == '\n' || c == '\0') c = ' ';
  return value;
}

bool is_framing_field(std::string_view lower_case_name) {
  static constexpr std::string_view names[] = {"content-length", "transfer-encoding", "connection", "date", "keep-alive", "upgrade"};
  return std::find(std::begin(names), std::end(names), lower_case_name) != std::end(names);
}

bool split_target(std::string_view target, Request& request) {
  auto mark = target.find('?');
  request.path = target.substr(0, mark);
  request.query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  const auto& path = request.path;
  for (size_t at = path.find('%'); at != std::string::npos; at = path.find('%', at + 1))
    if (at + 2 >= path.size() || !std::isxdigit(static_cast<unsigned char>(path[at + 1])) || !std::isxdigit(static_cast<unsigned char>(path[at + 2]))) return false;
  return true;
}

}  // namespace sampan::net
