//! SIP messages and SDP: parse, read and write, without I/O, time or randomness
