#include "apiserver/access/webhook_client.h"

#include <thread>

#include "base/encoding.h"
#include "base/text.h"
#include "schema/json.h"

namespace sampan::apiserver {

using schema::Value;

namespace {

constexpr size_t kAnswerBytesMax = 1024 * 1024;
constexpr int kTries = 5;

// A Status says itself what is wrong.
Error refusal(const net::Answer& answer, Arena& arena) {
  std::string text;
  auto tree = schema::parse_json(answer.body, arena, nullptr, {.depth_max = 20});
  if (tree && (*tree)["kind"].as_string() == "Status") text = (*tree)["message"].as_string();
  if (text.empty()) {
    text = answer.status >= 500 ? concat("an error on the server (", quoted(trim(answer.body)), ") has prevented the request from succeeding")
                                : concat("the server answered ", answer.status);
  }
  return Error(answer.status == 504 ? Reason::Timeout : Reason::InternalError, std::move(text));
}

}  // namespace

Result<std::unique_ptr<WebhookClient>> WebhookClient::open(const WebhookConfig& config) {
  auto webhook = std::make_unique<WebhookClient>();
  auto url = TRY(net::parse_url(config.url));
  net::ClientOptions options;
  options.tls = config.tls;
  options.user_agent = "kube-apiserver-admission";
  webhook->client_ = TRY(net::Client::create(std::move(options)));
  webhook->retry_pause_ms_ = config.retry_pause_ms;
  auto& request = webhook->request_;
  request.method = "POST";
  request.endpoint = url.endpoint;
  if (!config.server_name.empty()) request.endpoint.server_name = config.server_name;
  std::string timeout;
  append_duration(timeout, config.timeout_ms * 1'000'000);
  request.target = concat(url.target, url.target.find('?') == std::string::npos ? "?" : "&", "timeout=", timeout);
  request.headers = {{"content-type", "application/json"}, {"accept", "application/json"}};
  if (!config.token.empty()) request.headers.emplace_back("authorization", concat("Bearer ", config.token));
  request.timeout_ms = config.timeout_ms;
  request.body_bytes_max = kAnswerBytesMax;
  return webhook;
}

Result<Value> WebhookClient::try_once(const net::ClientRequest& request, std::string& answer_text, Arena& arena, bool& again) {
  again = false;
  auto answer = client_->send(request);
  // A connection that was kept may have been closed meanwhile.
  if (!answer && !answer.error().is(Reason::Timeout)) answer = client_->send(request);
  if (!answer) return fail(std::move(answer).error());
  if (answer->status < 200 || answer->status > 299) {
    again = answer->status == 500 || answer->status == 504 || answer->status == 429 || !answer->header("retry-after").empty();
    return fail(refusal(*answer, arena));
  }
  answer_text = std::move(answer->body);
  auto tree = schema::parse_json(answer_text, arena, nullptr, {.depth_max = 20});
  if (!tree) return fail(Error(Reason::InternalError, concat("couldn't get version/kind; json parse error: ", tree.error().message())));
  return (*tree)["status"];
}

Result<Value> WebhookClient::ask(const std::string& body, std::string& answer_text, Arena& arena, const Tried& tried) {
  auto request = request_;
  request.body = body;
  auto pause_ms = retry_pause_ms_;
  for (int tries = 1;; tries++) {
    bool again = false;
    auto began_us = real_clock().monotonic_us();
    auto status = try_once(request, answer_text, arena, again);
    if (tried)
      tried(status ? "success" : status.error().is(Reason::Timeout) ? "timeout" : "error", seconds_since(real_clock(), began_us));
    if (status || !again || tries == kTries) return status;
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
    pause_ms += pause_ms / 2;
  }
}

Value list_of(const std::vector<std::string>& texts, Arena& arena) {
  Value list = Value::list(arena);
  for (const auto& text : texts) list.push(std::string_view(text));
  return list;
}

std::vector<std::string> read_list(Value list) {
  std::vector<std::string> texts;
  for (Value item : list.items()) texts.emplace_back(item.as_string());
  return texts;
}

Value review(std::string_view group, const std::string& version, std::string_view kind, Arena& arena) {
  Value tree = Value::object(arena, 4);
  tree.set("kind", kind);
  tree.set("apiVersion", arena.copy(concat(group, "/", version)));
  tree.set("metadata", Value::object(arena));
  return tree;
}

}  // namespace sampan::apiserver
