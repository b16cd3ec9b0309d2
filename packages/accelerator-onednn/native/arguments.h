#pragma once
#include <node_api.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

/**
 * The arguments of a call, read one after another: first a Float32Array over the whole heap of the wasm backend, then numbers.
 * Tensors come as byte addresses in that heap; each is checked to lie in it with all its numbers, so that a wrong call is an
 * error and not a fault.
 */
class Arguments {
 public:
  static constexpr size_t MOST = 28;

  Arguments(napi_env env, napi_callback_info info, const char* where) : env_(env), where_(where) {
    napi_value self;
    count_ = MOST;
    napi_get_cb_info(env, info, &count_, values_, &self, nullptr);
    if (count_ > MOST) fail("too many arguments");
  }

  /** Takes the heap; the first argument of everything that computes. */
  void heap() {
    napi_typedarray_type type;
    size_t length = 0;
    void* data = nullptr;
    const bool typed = next_ < count_ &&
                       napi_get_typedarray_info(env_, values_[next_], &type, &length, &data, nullptr, nullptr) == napi_ok;
    if (!typed || type != napi_float32_array) fail("argument " + std::to_string(next_) + " must be the heap, a Float32Array");
    next_++;
    base_ = static_cast<char*>(data);
    bytes_ = length * sizeof(float);
  }

  double number() {
    double value = 0;
    if (next_ >= count_ || napi_get_value_double(env_, values_[next_], &value) != napi_ok) {
      fail("argument " + std::to_string(next_) + " must be a number");
    }
    next_++;
    return value;
  }

  /** A size: a whole number from 0 that fits 31 bits. */
  int64_t size() { return whole(0); }

  /** A whole number that may be negative: padding at the far side is, where a filter does not reach the last pixel. */
  int64_t signed_size() { return whole(-2147483647); }

  /** The next argument as the address of `count` floats. */
  float* floats(int64_t count) {
    float* found = optional(count);
    if (!found) fail("argument " + std::to_string(next_ - 1) + " must be an address, got 0");
    return found;
  }

  /** The same; nullptr where the address is 0: nothing lies there in a wasm heap. */
  float* optional(int64_t count) {
    const double address = number();
    if (address == 0) return nullptr;
    const bool inside = address > 0 && std::floor(address) == address && count >= 0 &&
                        address + static_cast<double>(count) * sizeof(float) <= static_cast<double>(bytes_);
    if (!inside || static_cast<int64_t>(address) % sizeof(float) != 0) {
      fail("argument " + std::to_string(next_ - 1) + " must be the address of " + std::to_string(count) + " floats in the heap of " +
           std::to_string(bytes_) + " bytes, got " + std::to_string(address));
    }
    return reinterpret_cast<float*>(base_ + static_cast<int64_t>(address));
  }

 private:
  int64_t whole(double least) {
    const double value = number();
    if (!(value >= least && value <= 2147483647.0 && std::floor(value) == value)) {
      fail("argument " + std::to_string(next_ - 1) + " must be a whole number from " + std::to_string(static_cast<int64_t>(least)) +
           ", got " + std::to_string(value));
    }
    return static_cast<int64_t>(value);
  }

  [[noreturn]] void fail(const std::string& what) const { throw std::invalid_argument(std::string(where_) + ": " + what); }

  napi_env env_;
  const char* where_;
  napi_value values_[MOST];
  size_t count_ = 0;
  size_t next_ = 0;
  char* base_ = nullptr;
  size_t bytes_ = 0;
};
