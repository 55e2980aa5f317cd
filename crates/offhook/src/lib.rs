//! A SIP and WebRTC phone for Rust: user agent, registration, calls
