// The Node-API module: every function works on the heap of the wasm backend, see the headers for their arguments.
#include "arguments.h"
#include "convolution.h"
#include "elementwise.h"
#include "environment.h"
#include "group-norm.h"
#include "mat-mul.h"

static Environment& environment(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  if (!data) throw std::runtime_error("accelerator: the environment must be alive, got one that has ended");
  return *static_cast<Environment*>(data);
}

/** oneDNN's working space and its copies of filters lie beside the heap of the wasm backend, in the process's memory. */
static void throw_out_of_memory(napi_env env, const char* name, const char* what) {
  const std::string text = std::string(name) + ": out of memory: " + what +
                           "; this is memory of the process, not of the wasm heap: use a smaller batch, or free memory";
  napi_throw_error(env, nullptr, text.c_str());
}

/** The name that errors bear is the function's own, given as the callback's data. */
template <void (*Body)(Environment&, Arguments&)>
static napi_value call(napi_env env, napi_callback_info info) {
  void* name = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &name);
  try {
    Arguments args(env, info, static_cast<const char*>(name));
    Body(environment(env), args);
  } catch (const std::bad_alloc&) {
    throw_out_of_memory(env, static_cast<const char*>(name), "no memory for its working space");
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_out_of_memory) throw_out_of_memory(env, static_cast<const char*>(name), error.what());
    else napi_throw_error(env, nullptr, error.what());
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
  }
  return nullptr;
}

/** threads(count): sets, for the calling thread, how many threads its calls use; 0 only asks. Answers the count. */
static napi_value threads(napi_env env, napi_callback_info info) {
  try {
    Arguments args(env, info, "threads");
    const int64_t wanted = args.size();
    if (wanted > 0) omp_set_num_threads(static_cast<int>(std::min<int64_t>(wanted, 256)));
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
    return nullptr;
  }
  napi_value result;
  napi_create_int32(env, omp_get_max_threads(), &result);
  return result;
}

/** version(): that of the oneDNN library in use. */
static napi_value version(napi_env env, napi_callback_info) {
  const dnnl_version_t* found = dnnl_version();
  const std::string text = std::to_string(found->major) + "." + std::to_string(found->minor) + "." + std::to_string(found->patch);
  napi_value result;
  napi_create_string_utf8(env, text.c_str(), text.size(), &result);
  return result;
}

static napi_value start(napi_env env, napi_value exports) {
  try {
    napi_set_instance_data(env, new Environment(), [](napi_env, void* data, void*) { delete static_cast<Environment*>(data); }, nullptr);
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
    return nullptr;
  }
#define FUNCTION(name, body) {name, nullptr, call<body>, nullptr, nullptr, nullptr, napi_enumerable, const_cast<char*>(name)}
  const napi_property_descriptor functions[] = {
      FUNCTION("convolution", convolution),
      FUNCTION("matMul", mat_mul),
      FUNCTION("groupNorm", group_norm),
      FUNCTION("groupNormGradient", group_norm_gradient),
      FUNCTION("add", add),
      FUNCTION("addRow", add_row),
      FUNCTION("columnSums", column_sums),
      FUNCTION("sumOfSquares", sum_of_squares),
      FUNCTION("square", square),
      FUNCTION("relu", relu),
      FUNCTION("adamW", adam_w),
      {"threads", nullptr, threads, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"version", nullptr, version, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
#undef FUNCTION
  napi_define_properties(env, exports, sizeof(functions) / sizeof(functions[0]), functions);
  return exports;
}

NAPI_MODULE(onednn, start)
