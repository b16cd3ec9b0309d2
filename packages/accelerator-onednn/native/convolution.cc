#include "convolution.h"

#include "winograd.h"

#include <array>

using dnnl::algorithm;
using dnnl::memory;
using dnnl::prop_kind;

enum Direction { FORWARD = 0, BY_INPUT = 1, BY_FILTER = 2 };

/** direction, thread count, whether there is a bias, and the sizes below. */
using Key = std::array<int64_t, 18>;

/** A primitive for one geometry, with the memory descriptions that it is fed with; the addresses come with each call. */
struct Convolution {
  dnnl::primitive run;
  dnnl::reorder into_own, from_own;
  memory x, y, filter, bias;
  memory::desc own_filter, workspace;
  bool reordered = false;
};

struct ConvolutionCache : Recent<Key, Convolution> {
  using Recent::Recent;
};

/** Geometries kept a thread; a network has some twenty a batch size. */
static constexpr size_t MOST_CONVOLUTIONS = 256;

Environment::Environment() : convolutions(new ConvolutionCache(MOST_CONVOLUTIONS)) {}
Environment::~Environment() { delete convolutions; }


/** Picks oneDNN's implementation for `key`; the filter's layout is its choice. */
static Convolution make(Environment& env, const Key& key) {
  const auto f32 = memory::data_type::f32;
  const int64_t batch = key[3], in_height = key[4], in_width = key[5], in = key[6], out_height = key[7], out_width = key[8], out = key[9];
  const memory::desc x({batch, in, in_height, in_width}, f32, memory::format_tag::nhwc);
  const memory::desc y({batch, out, out_height, out_width}, f32, memory::format_tag::nhwc);
  const memory::dims filter_sizes{out, in, key[10], key[11]};
  const memory::desc any(filter_sizes, f32, memory::format_tag::any);
  const memory::desc plain(filter_sizes, f32, memory::format_tag::hwio);
  const memory::desc bias = key[2] ? memory::desc({out}, f32, memory::format_tag::x) : memory::desc();
  const memory::dims strides{key[12], key[13]}, before{key[14], key[15]}, after{key[16], key[17]}, dilation{0, 0};
  const auto direct = algorithm::convolution_direct;
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);

#if DNNL_VERSION_MAJOR >= 3
  const dnnl::convolution_forward::primitive_desc forward(env.engine, prop_kind::forward_training, direct, x, any, bias, y, strides, dilation, before, after, attributes);
#else
  const dnnl::convolution_forward::desc forward_description(prop_kind::forward_training, direct, x, any, bias, y, strides, dilation, before, after);
  const dnnl::convolution_forward::primitive_desc forward(forward_description, attributes, env.engine);
#endif
  Convolution made;
  if (key[0] == FORWARD) {
    made.own_filter = forward.weights_desc();
    made.workspace = forward.scratchpad_desc();
    made.run = dnnl::convolution_forward(forward);
  } else if (key[0] == BY_INPUT) {
#if DNNL_VERSION_MAJOR >= 3
    const dnnl::convolution_backward_data::primitive_desc backward(env.engine, direct, x, any, y, strides, dilation, before, after, forward, attributes);
#else
    const dnnl::convolution_backward_data::desc description(direct, x, any, y, strides, dilation, before, after);
    const dnnl::convolution_backward_data::primitive_desc backward(description, attributes, env.engine, forward);
#endif
    made.own_filter = backward.weights_desc();
    made.workspace = backward.scratchpad_desc();
    made.run = dnnl::convolution_backward_data(backward);
  } else {
#if DNNL_VERSION_MAJOR >= 3
    const dnnl::convolution_backward_weights::primitive_desc backward(env.engine, direct, x, any, y, strides, dilation, before, after, forward, attributes);
#else
    const dnnl::convolution_backward_weights::desc description(direct, x, any, y, strides, dilation, before, after);
    const dnnl::convolution_backward_weights::primitive_desc backward(description, attributes, env.engine, forward);
#endif
    made.own_filter = backward.diff_weights_desc();
    made.workspace = backward.scratchpad_desc();
    made.run = dnnl::convolution_backward_weights(backward);
  }
  made.x = memory(x, env.engine, nullptr);
  made.y = memory(y, env.engine, nullptr);
  made.filter = memory(plain, env.engine, nullptr);
  if (key[2]) made.bias = memory(bias, env.engine, nullptr);
  made.reordered = made.own_filter != plain;
  if (made.reordered) {
    const memory own(made.own_filter, env.engine, nullptr);
    dnnl::primitive_attr reorder_attributes;
    reorder_attributes.set_scratchpad_mode(dnnl::scratchpad_mode::library);
    if (key[0] == BY_FILTER) made.from_own = dnnl::reorder(own, made.filter, reorder_attributes);
    else made.into_own = dnnl::reorder(made.filter, own, reorder_attributes);
  }
  return made;
}

void convolution(Environment& env, Arguments& args) {
  Key key{};
  key[0] = args.size();
  args.heap();
  for (size_t i = 3; i < 16; i++) key[i] = args.size();
  for (size_t i = 16; i < 18; i++) key[i] = args.signed_size();
  const int64_t x_count = key[3] * key[4] * key[5] * key[6], y_count = key[3] * key[7] * key[8] * key[9];
  float* x = args.floats(x_count);
  float* filter = args.floats(key[10] * key[11] * key[6] * key[9]);
  float* y = args.floats(y_count);
  float* bias = args.optional(key[9]);
  if (key[0] > BY_FILTER) throw std::invalid_argument("convolution: direction must be 0, 1 or 2");
  key[1] = omp_get_max_threads();
  key[2] = key[0] == FORWARD && bias ? 1 : 0;

  if (key[10] == 3 && key[11] == 3 && key[12] == 1 && key[13] == 1) {
    const Square forward{key[3], key[4], key[5], key[6], key[7], key[8], key[9], key[14], key[15]};
    const Square back{key[3], key[7], key[8], key[9], key[4], key[5], key[6], 2 - key[14], 2 - key[15]};
    if (key[0] == FORWARD && winograd_pays(forward)) return winograd_convolve(env, forward, x, filter, false, bias, y);
    if (key[0] == BY_INPUT && winograd_pays(back)) return winograd_convolve(env, back, y, filter, true, nullptr, x);
    if (key[0] == BY_FILTER && winograd_pays(forward)) return winograd_filter_gradient(env, forward, x, y, filter);
  }

  Convolution& found = env.convolutions->get(key, [&] { return make(env, key); });
  found.x.set_data_handle(x);
  found.y.set_data_handle(y);
  found.filter.set_data_handle(filter);
  if (key[2]) found.bias.set_data_handle(bias);
  memory own = found.reordered ? memory(found.own_filter, env.engine, env.filter.bytes(found.own_filter.get_size())) : found.filter;
  const memory workspace(found.workspace, env.engine, env.workspace.bytes(std::max<size_t>(64, found.workspace.get_size())));
  if (key[0] == FORWARD) {
    if (found.reordered) found.into_own.execute(env.stream, found.filter, own);
    std::unordered_map<int, memory> parts{{DNNL_ARG_SRC, found.x}, {DNNL_ARG_WEIGHTS, own}, {DNNL_ARG_DST, found.y}, {DNNL_ARG_SCRATCHPAD, workspace}};
    if (key[2]) parts.emplace(DNNL_ARG_BIAS, found.bias);
    found.run.execute(env.stream, parts);
  } else if (key[0] == BY_INPUT) {
    if (found.reordered) found.into_own.execute(env.stream, found.filter, own);
    found.run.execute(env.stream, {{DNNL_ARG_DIFF_SRC, found.x}, {DNNL_ARG_WEIGHTS, own}, {DNNL_ARG_DIFF_DST, found.y}, {DNNL_ARG_SCRATCHPAD, workspace}});
  } else {
    found.run.execute(env.stream, {{DNNL_ARG_SRC, found.x}, {DNNL_ARG_DIFF_WEIGHTS, own}, {DNNL_ARG_DIFF_DST, found.y}, {DNNL_ARG_SCRATCHPAD, workspace}});
    if (found.reordered) found.from_own.execute(env.stream, own, found.filter);
  }
  env.stream.wait();
}
