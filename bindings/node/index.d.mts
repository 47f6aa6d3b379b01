import * as trunkline from './index.js';

export * from './index.js';
export default trunkline;
