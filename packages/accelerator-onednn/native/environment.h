#pragma once
#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <list>
#include <map>
#include <new>
#include <oneapi/dnnl/dnnl.hpp>
#include <utility>

/** Memory that grows and is kept: what one call needs beside its tensors. Aligned for vectors. */
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { std::free(data_); }

  void* bytes(size_t wanted) {
    if (wanted > size_) {
      std::free(data_);
      data_ = nullptr;
      size_ = 0;
      const size_t rounded = (wanted + 4095) / 4096 * 4096;
      data_ = std::aligned_alloc(64, rounded);
      if (!data_) throw std::bad_alloc();
      size_ = rounded;
    }
    return data_;
  }

  template <typename T>
  T* of(size_t count) {
    return static_cast<T*>(bytes(count * sizeof(T)));
  }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};

/** A map that forgets what was used longest ago. */
template <typename Key, typename Value>
class Recent {
 public:
  explicit Recent(size_t capacity) : capacity_(capacity) {}

  template <typename Make>
  Value& get(const Key& key, Make make) {
    auto known = index_.find(key);
    if (known != index_.end()) {
      entries_.splice(entries_.begin(), entries_, known->second);
      return entries_.front().second;
    }
    entries_.emplace_front(key, make()); // made before anything is forgotten: it may throw
    index_[key] = entries_.begin();
    if (entries_.size() > capacity_) {
      index_.erase(entries_.back().first);
      entries_.pop_back();
    }
    return entries_.front().second;
  }

  size_t size() const { return entries_.size(); }

 private:
  size_t capacity_;
  std::list<std::pair<Key, Value>> entries_;
  std::map<Key, typename std::list<std::pair<Key, Value>>::iterator> index_;
};

struct Convolution;
struct ConvolutionCache;

/**
 * All that lives on between calls. Node loads a native module once a process, but every worker thread has an environment of its own
 * and this belongs to one: nothing is shared between threads.
 */
struct Environment {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  ConvolutionCache* convolutions = nullptr;
  /** For oneDNN's own needs, for filters in its layout, for sums of several threads. */
  Scratch workspace, filter, partial;

  Environment();
  ~Environment();
  Environment(const Environment&) = delete;
};
