// Lets plain Node run the TypeScript sources, as a child process of a test:
// `node --import <this file> program.ts`. Compiles as jest does, a file at a time.
import { register } from 'node:module';

register('./typescript-loader.mjs', import.meta.url);
