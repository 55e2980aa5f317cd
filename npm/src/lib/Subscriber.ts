// For applications that import from JsSIP's file of this name.

export { Subscriber, Subscriber as default } from '../api';
export type {
  SubscriberEventMap as MessageEventMap,
  SubscriberEventMap,
  SubscriberOptions,
  SubscriberParams,
  SubscriberTerminatedCode,
} from '../subscriber';
