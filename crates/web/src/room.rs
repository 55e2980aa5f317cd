//! The place where JavaScript puts a text, as bytes straight into memory, and finds what is in it.

use std::cell::RefCell;
use std::ptr;

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

/// Reads the text in the room, `length` bytes, and JavaScript's string of them `units` units long,
/// by the rule of that number (`npm/src/engine/reading.ts`). The answer is where the words are that
/// say what was found (see `Places`), until the next text comes; null, where the text does not
/// follow the rule.
#[wasm_bindgen]
pub fn read(rule: u8, length: usize, units: u32) -> *const u32 {
    ROOM.with_borrow_mut(|room| {
        let Room { text, places } = room;
        match text.get(..length) {
            Some(text) if places.read(text, units, rule) => places.finish(),
            _ => ptr::null(),
        }
    })
}

/// The header names that the engine knows, in the order of the numbers that [`read`] says.
#[wasm_bindgen(js_name = headerNames)]
pub fn header_names() -> String {
    let mut names = String::new();
    for name in HeaderName::all() {
        names.push_str(name.as_str());
        names.push(' ');
    }
    names
}
