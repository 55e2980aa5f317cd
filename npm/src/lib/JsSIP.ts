// For applications that import JsSIP by its file.

export * from '../index';
export { default } from '../index';
