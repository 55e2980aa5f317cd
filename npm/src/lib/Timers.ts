// For applications that import from JsSIP's file of this name. They are those of the engine over a
// connection that loses nothing; setting them changes nothing.

/** Milliseconds (RFC 3261 section 17, RFC 6026 section 8). */
export const T1 = 500;
export const T2 = 4000;
export const T4 = 5000;
export const TIMER_B = 64 * T1;
export const TIMER_D = 0;
export const TIMER_F = 64 * T1;
export const TIMER_H = 64 * T1;
export const TIMER_I = 0;
export const TIMER_J = 0;
export const TIMER_K = 0;
export const TIMER_L = 64 * T1;
export const TIMER_M = 64 * T1;
/** How often an INVITE that waits is told so (RFC 3261 section 13.3.1.1). */
export const PROVISIONAL_RESPONSE_INTERVAL = 60_000;

export default {
  T1,
  T2,
  T4,
  TIMER_B,
  TIMER_D,
  TIMER_F,
  TIMER_H,
  TIMER_I,
  TIMER_J,
  TIMER_K,
  TIMER_L,
  TIMER_M,
  PROVISIONAL_RESPONSE_INTERVAL,
};
