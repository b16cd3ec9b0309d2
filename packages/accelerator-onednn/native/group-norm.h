#pragma once
#include "arguments.h"
#include "environment.h"

/** groupNorm(heap, batch, positions, channels, groups, epsilon, silu, x, gamma, beta, y, statistics): as LipsyncGroupNorm of @lipsync/contracts. */
void group_norm(Environment& env, Arguments& args);

/** groupNormGradient(heap, batch, positions, channels, groups, silu, x, gamma, beta, statistics, dy, dx, dgamma, dbeta) */
void group_norm_gradient(Environment& env, Arguments& args);
