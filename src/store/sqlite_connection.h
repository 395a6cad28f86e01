// SQLite's C interface as values: a connection, a prepared statement, and errors that name the file.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

struct sqlite3;
struct sqlite3_stmt;

namespace sampan::store {

class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  // Parameters count from 1, columns from 0. Bound text must live until reset().
  Statement& bind(int parameter, int64_t number);
  Statement& bind(int parameter, std::string_view bytes);
  Statement& bind_null(int parameter);
  Result<bool> step();  // true: there is a row
  Result<void> run();   // step() to the end and reset()
  void reset();
  int64_t integer(int column);
  std::string_view bytes(int column);  // until the next step() or reset()

 private:
  friend class Connection;
  class Connection* connection_ = nullptr;
  sqlite3_stmt* statement_ = nullptr;
};

// Resets a statement on every way out: an open one holds back the end of its transaction.
class Resetting {
 public:
  explicit Resetting(Statement& statement) : statement_(statement) {}
  ~Resetting() { statement_.reset(); }
  Statement* operator->() { return &statement_; }
  Statement& operator*() { return statement_; }

 private:
  Statement& statement_;
};

class Connection {
 public:
  enum class Access : uint8_t { Create, Read };
  static Result<std::unique_ptr<Connection>> open(const std::string& path, Access access);
  ~Connection();

  Result<void> execute(const char* sql);  // one or more statements without parameters
  Result<Statement> prepare(std::string_view sql);
  Result<int64_t> number(std::string_view sql);  // the only column of the only row; 0 if there is no row
  Error error(int code, std::string_view doing) const;
  bool in_transaction() const;
  sqlite3* handle() { return handle_; }
  const std::string& path() const { return path_; }

 private:
  explicit Connection(std::string path) : path_(std::move(path)) {}
  std::string path_;
  sqlite3* handle_ = nullptr;
};

}  // namespace sampan::store
