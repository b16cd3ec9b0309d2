export type { FeatureManifoldOptions } from './manifold/feature-manifold';
export { FeatureManifold } from './manifold/feature-manifold';
