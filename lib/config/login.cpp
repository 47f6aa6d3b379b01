// Credentials as a text.
#include "config.hpp"
#include "node.hpp"

namespace tl::config {
namespace {

constexpr std::string_view user_key = "user";
constexpr std::string_view password_key = "password";

Result<std::string> text_of(const Member& member, const Blame& blame) {
  const std::string& name = member.name;
  const Node& value = member.value;
  const auto bad = [&](std::string_view what) { return blame.at(value.origin, name, what); };
  if (value.kind != Node::Kind::string) return bad(std::string("must be a string, not ").append(kind_name(value.kind)));
  if (value.text.empty()) return bad("is empty");
  if (value.text.find('\0') != std::string::npos) return bad("holds a NUL");
  return value.text;
}

}  // namespace

Result<Login> read_login(std::string_view toml, std::string_view source) {
  const Blame blame{source};
  auto written = read_toml(toml, source);
  if (!written) return written.take_error();
  Login login;
  for (const Member& member : written->members) {
    if (member.name != user_key && member.name != password_key) {
      return blame.at(member.value.origin, member.name, "unknown key", nearest(member.name, {user_key, password_key}));
    }
    auto text = text_of(member, blame);
    if (!text) return text.take_error();
    if (member.name == user_key) {
      login.user = text.take();
    } else {
      login.password = Secret(text.take());
    }
  }
  if (login.password.empty()) return blame.at({}, password_key, "is missing");
  return login;
}

}  // namespace tl::config
