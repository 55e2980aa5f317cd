//! The engine of the browser package: [`offhook_core::Agent`] behind a JavaScript face.
//!
//! It holds no socket, timer or peer connection: TypeScript (`npm/src`) drives those, calls the
//! commands of [`Engine`] and drains [`Engine::poll`] after each. What the engine says is rows,
//! arrays whose first strings name what follows; what it is told is rows, too, whose first numbers
//! name the command. `npm/src/engine/` states both sides in types.
//!
//! Size is what this crate is written for, as every page that makes calls loads it: few imports
//! and exports, no text made for people.

mod calls;
mod commands;
mod config;
mod engine;
mod errors;
mod events;
mod message;
mod options;
mod questions;
mod reply;
mod requests;
mod room;
mod rows;
mod time;

pub use engine::Engine;
pub use room::{read, room};
