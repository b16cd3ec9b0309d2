import * as tf from '@tensorflow/tfjs-core';

/**
 * Registers tfjs-core's gradients where they are missing: its Node bundle has none, so `tf.grad` of a `conv2d` would throw
 * "gradient function not found". What the application has already registered (through `@tensorflow/tfjs`, say) stays.
 */
export async function registerGradients(): Promise<void> {
  if (tf.getGradient('Conv2D') && tf.getGradient('Sum')) return;
  // An ES module without file extensions in its imports: Node cannot load it, so the build puts it into our bundle.
  // It finds the one engine and the one registry through the global object.
  await import('@tensorflow/tfjs-core/dist/register_all_gradients');
}
