// For applications that import from JsSIP's file of this name.

export { Notifier, Notifier as default } from '../api';
export type {
  NotifierEventMap as MessageEventMap,
  NotifierEventMap,
  NotifierOptions,
  NotifierTerminationReason,
} from '../notifier';
