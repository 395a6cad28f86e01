// Types of CEL: what the checker reasons about. A Type is a handle of one pointer to something immutable that lives as long as the program
// or as its Environment; two of the same content may be two.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sampan::cel {

class Type {
 public:
  enum class Kind : uint8_t {
    Dyn,
    Any,       // dyn that is no range of a loop: what attributes of devices hold
    Error,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Duration,
    Timestamp,
    List,      // parameters: of the items
    Map,       // parameters: of the keys, of the values
    Type,      // parameters: of what it is the type
    Parameter, // named: stands for whatever a call binds it to
    Struct,    // named: its fields are in the environment
    Opaque,    // named: values that only functions look into; optional_type(T) is one
  };

  Type() = default;  // dyn
  Type(Kind simple) : kind_(simple) {}
  static Type list(Type item);
  static Type map(Type key, Type value);
  static Type type_of(Type what);
  static Type parameter(std::string_view name);
  static Type structure(std::string_view name);
  static Type opaque(std::string_view name, std::vector<Type> parameters = {});
  static Type optional(Type of);  // optional_type(T)

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_dynamic() const { return is_dyn() || kind_ == Kind::Error; }
  bool is_dyn() const { return kind_ == Kind::Dyn || kind_ == Kind::Any; }
  bool is_optional() const;
  std::string_view name() const;              // of Parameter, Struct and Opaque; of others as the language says it: "list", "google.protobuf.Duration"
  std::span<const Type> parameters() const;
  Type parameter(size_t index) const;         // dyn if there is none
  bool operator==(const Type& other) const;   // the same content
  std::string text() const;                   // as errors show it: "list(map(string, int))", "duration"
  std::string full_text() const;              // as complaints about results show it: "google.protobuf.Duration"

 private:
  struct Made {
    std::string name;
    std::vector<Type> parameters;
  };
  Type(Kind kind, std::string_view name, std::vector<Type> parameters);
  Kind kind_ = Kind::Dyn;
  std::shared_ptr<const Made> made_;
};

}  // namespace sampan::cel
