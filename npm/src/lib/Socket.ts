// For applications that import types from JsSIP's file of this name.

export type { Socket, WeightedSocket } from '../socket';
