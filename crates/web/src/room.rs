//! The place where JavaScript puts a text, as bytes straight into memory, and finds what is in it.

use std::cell::RefCell;
use std::ptr;

use offhook_core::auth::DigestAlgorithm;
use offhook_places::Places;
use offhook_sip::HeaderName;
use wasm_bindgen::prelude::wasm_bindgen;

#[derive(Default)]
struct Room {
    text: Vec<u8>,
    places: Places,
}

thread_local! {
    // There is one thread, and one text at a time: nothing is called back while it is read.
    static ROOM: RefCell<Room> = RefCell::default();
}

/// Where the next text is to be put, in UTF-8, and has so many bytes of room.
#[wasm_bindgen]
pub fn room(size: usize) -> *const u8 {
    ROOM.with_borrow_mut(|room| {
        room.text = vec![0; size];
        room.text.as_ptr()
    })
}

/// What is asked about texts beside the rules of [`Places::read`].
const HEADER_NAMES: u8 = 16;
const MD5: u8 = 17;

/// Reads the text in the room, `length` bytes, and JavaScript's string of them `units` units long,
/// by the rule of that number (`npm/src/engine/reading.ts`). The answer is where the words are that
/// say what was found (see `Places`), until the next text comes; null, where the text does not
/// follow the rule.
#[wasm_bindgen]
pub fn read(rule: u8, length: usize, units: u32) -> *const u32 {
    ROOM.with_borrow_mut(|room| {
        let Room { text, places } = room;
        let Some(text) = text.get(..length) else {
            return ptr::null();
        };
        match rule {
            HEADER_NAMES => places.say(text, units, &header_names()),
            MD5 => places.say(text, units, &DigestAlgorithm::Md5.hash(&[text])),
            _ if places.read(text, units, rule) => {}
            _ => return ptr::null(),
        }
        places.finish()
    })
}

/// The header names that the engine knows, in the order of the numbers that [`read`] says, with a
/// space between them.
fn header_names() -> String {
    let mut names = String::new();
    for name in HeaderName::all() {
        if !names.is_empty() {
            names.push(' ');
        }
        names.push_str(name.as_str());
    }
    names
}
