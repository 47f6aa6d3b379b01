#include "calling.hpp"

#include <string_view>

namespace {

bool find_handle(Arguments& arguments) {
  const int takes = arguments.function->takes;
  if (takes == Function::kNoHandle) return true;
  arguments.first = handle_of(arguments.env, arguments.values[0]);
  return arguments.first != nullptr && (takes == Function::kAnyHandle || takes == arguments.first->kind);
}

bool is_surrogate(char16_t unit, char16_t first) { return (unit & 0xFC00) == first; }

bool is_valid(const std::u16string& text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (is_surrogate(text[i], 0xD800) && i + 1 < text.size() && is_surrogate(text[i + 1], 0xDC00)) {
      ++i;
    } else if (is_surrogate(text[i], 0xD800) || is_surrogate(text[i], 0xDC00)) {
      return false;
    }
  }
  return true;
}

// Half of a surrogate pair comes as U+FFFD; so only where there is one it may have been that.
bool came_whole(napi_env env, napi_value value, const Text& text) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  if (std::string_view(text.data, text.size).find(kReplacement) == std::string_view::npos) return true;
  size_t size = 0;
  napi_get_value_string_utf16(env, value, nullptr, 0, &size);
  std::u16string units(size + 1, u'\0');
  napi_get_value_string_utf16(env, value, units.data(), units.size(), &size);
  units.resize(size);
  return is_valid(units);
}

// nullptr, or what is wrong with one of them.
napi_value take_texts(Arguments& arguments) {
  for (int i = 0; i < 3 && arguments.function->texts[i].what != nullptr; ++i) {
    const TextArgument& wanted = arguments.function->texts[i];
    const napi_value value = arguments.values[wanted.at];
    arguments.texts[i] = text_argument(arguments.state, i, value);
    if (arguments.texts[i].size > 0 && !came_whole(arguments.env, value, arguments.texts[i])) {
      return failure(arguments.env, TL_E_DATA, std::string(wanted.what) + ": the text is not valid Unicode");
    }
  }
  return nullptr;
}

napi_value call(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  if (!find_handle(arguments)) return refuse(arguments, "its first argument is no handle that it takes");
  if (const napi_value wrong = take_texts(arguments)) return wrong;
  return arguments.function->run(arguments);
}

}  // namespace

napi_value refuse(const Arguments& arguments, const char* problem) {
  const std::string message = std::string(arguments.function->name) + ": " + problem;
  napi_throw_type_error(arguments.env, nullptr, message.c_str());
  return nullptr;
}

void export_function(napi_env env, napi_value exports, const Function& function) {
  napi_value value = nullptr;
  napi_create_function(env, function.name, NAPI_AUTO_LENGTH, call, const_cast<Function*>(&function), &value);
  napi_set_named_property(env, exports, function.name, value);
}
