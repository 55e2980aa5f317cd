//! Rows: the arrays in which the engine says what is to be done and what happened.

use std::time::Duration;

use bytes::Bytes;
use wasm_bindgen::prelude::*;

use crate::time::milliseconds;

#[wasm_bindgen]
extern "C" {
    /// An array that is being filled.
    #[wasm_bindgen(js_name = Array)]
    pub type Row;

    #[wasm_bindgen(constructor, js_class = "Array")]
    fn new() -> Row;
    // The engine's strings and numbers go straight into the array, without a value of their own.
    #[wasm_bindgen(method, js_name = push)]
    fn push_text(this: &Row, text: &str);
    #[wasm_bindgen(method, js_name = push)]
    fn push_number(this: &Row, number: f64);
    #[wasm_bindgen(method, js_name = push)]
    fn push_flag(this: &Row, flag: bool);
    #[wasm_bindgen(method, js_name = push)]
    fn push_value(this: &Row, value: &JsValue);

    type Uint8Array;
    #[wasm_bindgen(constructor)]
    fn copy(bytes: &[u8]) -> Uint8Array;
}

impl Row {
    /// A row that begins with this name.
    pub(crate) fn of(name: &str) -> Row {
        Row::new().text(name)
    }

    /// A row without a name.
    pub(crate) fn empty() -> Row {
        Row::new()
    }

    pub(crate) fn text(self, text: &str) -> Row {
        self.push_text(text);
        self
    }

    pub(crate) fn number(self, number: f64) -> Row {
        self.push_number(number);
        self
    }

    pub(crate) fn flag(self, flag: bool) -> Row {
        self.push_flag(flag);
        self
    }

    pub(crate) fn row(self, row: &Row) -> Row {
        self.value(row)
    }

    /// What JavaScript has already.
    pub(crate) fn value(self, value: &JsValue) -> Row {
        self.push_value(value);
        self
    }

    /// Nothing: `undefined`.
    pub(crate) fn none(self) -> Row {
        self.push_value(&JsValue::UNDEFINED);
        self
    }

    pub(crate) fn duration(self, duration: Duration) -> Row {
        self.number(milliseconds(duration))
    }

    pub(crate) fn maybe_text(self, text: Option<&str>) -> Row {
        match text {
            Some(text) => self.text(text),
            None => self.none(),
        }
    }

    pub(crate) fn maybe_duration(self, duration: Option<Duration>) -> Row {
        match duration {
            Some(duration) => self.duration(duration),
            None => self.none(),
        }
    }

    /// Text where it is UTF-8, as SIP nearly always is; else the bytes.
    pub(crate) fn bytes(self, bytes: &Bytes) -> Row {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.text(text),
            Err(_) => {
                self.push_value(&Uint8Array::copy(bytes));
                self
            }
        }
    }

    /// Text, with U+FFFD for what is no UTF-8.
    pub(crate) fn lossy(self, bytes: &[u8]) -> Row {
        self.text(&String::from_utf8_lossy(bytes))
    }
}
