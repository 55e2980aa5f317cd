//! The header fields of a message that is being made.

use std::fmt::{Display, Write as _};

use crate::error::{WriteError, WriteFault};
use crate::name::{HeaderName, Name};
use crate::received::Received;
use crate::text::{is_token, split_list, trim};

/// Header fields in the order in which they will be written.
///
/// Nothing that is put in can become another header line: a name must be a token, and a value with
/// CR, LF or NUL is refused. Content-Length is computed when the message is written, whatever
/// stands here.
///
/// ```
/// use offhook_sip::{HeaderFields, HeaderName};
///
/// let mut fields = HeaderFields::new();
/// fields.push(HeaderName::Subject, "Tea")?;
/// fields.push("X-Ticket", 4711)?;
/// assert_eq!(fields.get("x-ticket"), Some("4711"));
/// assert!(fields.push("X-Note", "hi\r\nVia: me").is_err());
/// # Ok::<(), offhook_sip::WriteError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct HeaderFields {
    fields: Vec<Field>,
}

#[derive(Clone, Debug)]
struct Field {
    known: Option<HeaderName>,
    /// The name when it is not the canonical spelling of a known one.
    written: Option<Box<str>>,
    value: String,
}

impl Field {
    fn name(&self) -> &str {
        match (&self.written, self.known) {
            (Some(text), _) => text,
            (None, Some(known)) => known.as_str(),
            (None, None) => "",
        }
    }

    fn is(&self, name: Name<'_>) -> bool {
        name.is(self.known, self.name())
    }
}

/// Whether a text can stand in a line of a message: it holds no CR, LF or NUL, which could smuggle
/// another line in.
pub fn is_line(text: &str) -> bool {
    memchr::memchr3(b'\r', b'\n', 0, text.as_bytes()).is_none()
}

fn field(name: Name<'_>, value: &dyn Display) -> Result<Field, WriteError> {
    let mut text = String::new();
    // A Display that fails is the value's fault; what it wrote until then is shown.
    if write!(text, "{value}").is_err() || !is_line(&text) {
        return Err(WriteFault::Value {
            name: name.as_str().into(),
            value: text.into(),
        }
        .into());
    }
    match name {
        Name::Known(known) => Ok(Field {
            known: Some(known),
            written: None,
            value: text,
        }),
        Name::Other(name) if is_token(name) => Ok(Field {
            known: None,
            written: Some(name.into()),
            value: text,
        }),
        Name::Other(name) => Err(WriteFault::Name(name.into()).into()),
    }
}

impl HeaderFields {
    /// No fields.
    pub fn new() -> Self {
        HeaderFields::default()
    }

    pub(crate) fn with_capacity(fields: usize) -> Self {
        HeaderFields {
            fields: Vec::with_capacity(fields),
        }
    }

    /// Puts a field behind all others.
    ///
    /// # Errors
    ///
    /// [`WriteFault::Name`] or [`WriteFault::Value`] when it would break out of its line.
    pub fn push<'n>(
        &mut self,
        name: impl Into<Name<'n>>,
        value: impl Display,
    ) -> Result<(), WriteError> {
        self.put_at(usize::MAX, name.into(), &value)
    }

    /// Puts a field before all others: where a new Via belongs.
    ///
    /// # Errors
    ///
    /// As [`HeaderFields::push`].
    pub fn push_front<'n>(
        &mut self,
        name: impl Into<Name<'n>>,
        value: impl Display,
    ) -> Result<(), WriteError> {
        self.put_at(0, name.into(), &value)
    }

    /// Puts a field before the first one of that name, or behind all others when there is none:
    /// where a new Record-Route belongs.
    ///
    /// # Errors
    ///
    /// As [`HeaderFields::push`].
    pub fn push_before<'n>(
        &mut self,
        name: impl Into<Name<'n>>,
        value: impl Display,
    ) -> Result<(), WriteError> {
        let name = name.into();
        let at = self.fields.iter().position(|field| field.is(name));
        self.put_at(at.unwrap_or(usize::MAX), name, &value)
    }

    /// Replaces all fields of that name by this one, at the place of the first; behind all others
    /// when there was none.
    ///
    /// # Errors
    ///
    /// As [`HeaderFields::push`]; the fields stay as they were.
    pub fn set<'n>(
        &mut self,
        name: impl Into<Name<'n>>,
        value: impl Display,
    ) -> Result<(), WriteError> {
        self.replace(name.into(), &value)
    }

    // What follows is no generic code, which would be there once for every kind of value.

    fn put_at(&mut self, at: usize, name: Name<'_>, value: &dyn Display) -> Result<(), WriteError> {
        let at = at.min(self.fields.len());
        self.fields.insert(at, field(name, value)?);
        Ok(())
    }

    fn replace(&mut self, name: Name<'_>, value: &dyn Display) -> Result<(), WriteError> {
        let mut new = Some(field(name, value)?);
        self.fields
            .retain_mut(|field| match (field.is(name), new.take()) {
                (true, Some(new)) => {
                    *field = new;
                    true
                }
                (true, None) => false,
                (false, kept) => {
                    new = kept;
                    true
                }
            });
        self.fields.extend(new);
        Ok(())
    }

    /// Takes all fields of that name away; says whether there was one.
    pub fn remove<'n>(&mut self, name: impl Into<Name<'n>>) -> bool {
        self.remove_all(name.into())
    }

    fn remove_all(&mut self, name: Name<'_>) -> bool {
        let before = self.fields.len();
        self.fields.retain(|field| !field.is(name));
        self.fields.len() < before
    }

    /// Takes the first value of that name away and hands it out: the top Via, the next Route. A
    /// line with several values keeps the others.
    pub fn take_first<'n>(&mut self, name: impl Into<Name<'n>>) -> Option<String> {
        let name = name.into();
        let at = self.fields.iter().position(|field| field.is(name))?;
        let line = &mut self.fields[at].value;
        if name.may_be_list()
            && let (first, Some(rest)) = split_list(line)
        {
            let (first, rest) = (trim(first).to_owned(), trim(rest).to_owned());
            *line = rest;
            return Some(first);
        }
        Some(self.fields.remove(at).value)
    }

    /// The value of the first field of that name.
    pub fn get<'n>(&self, name: impl Into<Name<'n>>) -> Option<&str> {
        let name = name.into();
        self.fields
            .iter()
            .find(|field| field.is(name))
            .map(|field| field.value.as_str())
    }

    /// The value of each field of that name, in order.
    pub fn get_all<'s, 'n>(&'s self, name: impl Into<Name<'n>>) -> FieldValues<'s, 'n> {
        FieldValues {
            fields: self.fields.iter(),
            name: name.into(),
        }
    }

    /// Whether there is a field of that name.
    pub fn contains<'n>(&self, name: impl Into<Name<'n>>) -> bool {
        self.get(name).is_some()
    }

    /// Each field's name and value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|field| (field.name(), field.value.as_str()))
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Copies every line of a received message as it is written.
    pub(crate) fn copy_all(received: &Received) -> HeaderFields {
        let mut fields = HeaderFields::with_capacity(received.head.lines.len() + 2);
        for line in received.lines() {
            fields.copy(line.known(), line.name(), line.value());
        }
        fields
    }

    /// Copies all lines of that name, or the first one.
    pub(crate) fn copy_named(&mut self, received: &Received, name: HeaderName, all: bool) {
        let count = if all { usize::MAX } else { 1 };
        for value in received.headers(name).take(count) {
            self.copy(Some(name), name.as_str(), value);
        }
    }

    /// What came as one line may leave as one line: a received value holds no CR and no LF, since
    /// folds are blanked and bare ones refused. It may hold NUL (RFC 4475 section 3.1.1.2).
    pub(crate) fn copy(&mut self, known: Option<HeaderName>, name: &str, value: &str) {
        debug_assert!(!value.contains(['\r', '\n']));
        let canonical = known.is_some_and(|known| known.as_str() == name);
        let written = (!canonical).then(|| name.into());
        self.fields.push(Field {
            known,
            written,
            value: value.to_owned(),
        });
    }

    /// The first field's value, to be changed by code that keeps it one line.
    pub(crate) fn first_mut(&mut self, name: HeaderName) -> Option<&mut String> {
        let field = self
            .fields
            .iter_mut()
            .find(|field| field.known == Some(name))?;
        Some(&mut field.value)
    }

    /// How many bytes [`HeaderFields::write`] writes at most.
    pub(crate) fn size(&self) -> usize {
        let lines: usize = self
            .fields
            .iter()
            .map(|f| f.name().len() + f.value.len() + 4)
            .sum();
        lines + 40
    }

    /// Writes all lines as they are.
    pub(crate) fn write_lines(&self, to: &mut Vec<u8>) {
        for field in &self.fields {
            line(to, field.name(), &field.value);
        }
    }

    /// Writes all lines and the empty one, Content-Length computed.
    pub(crate) fn write(&self, to: &mut Vec<u8>, body: usize) {
        let mut written = false;
        for field in &self.fields {
            if field.known == Some(HeaderName::ContentLength) {
                if !written {
                    line(to, field.name(), &body.to_string());
                }
                written = true;
                continue;
            }
            line(to, field.name(), &field.value);
        }
        if !written {
            line(to, HeaderName::ContentLength.as_str(), &body.to_string());
        }
        to.extend_from_slice(b"\r\n");
    }
}

fn line(to: &mut Vec<u8>, name: &str, value: &str) {
    to.extend_from_slice(name.as_bytes());
    to.extend_from_slice(b": ");
    to.extend_from_slice(value.as_bytes());
    to.extend_from_slice(b"\r\n");
}

/// The value of each field of one name; see [`HeaderFields::get_all`].
#[derive(Clone, Debug)]
pub struct FieldValues<'s, 'n> {
    fields: std::slice::Iter<'s, Field>,
    name: Name<'n>,
}

impl<'s> Iterator for FieldValues<'s, '_> {
    type Item = &'s str;

    fn next(&mut self) -> Option<&'s str> {
        let name = self.name;
        self.fields
            .find(|field| field.is(name))
            .map(|field| field.value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(of: &[(&str, &str)]) -> HeaderFields {
        let mut fields = HeaderFields::new();
        for (name, value) in of {
            fields.push(*name, value).unwrap();
        }
        fields
    }

    fn values(fields: &HeaderFields) -> Vec<String> {
        fields
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect()
    }

    #[test]
    fn set_replaces_all_of_a_name_at_the_place_of_the_first() {
        let mut fields = fields(&[("To", "a"), ("x-a", "1"), ("X-A", "2"), ("Via", "v")]);
        fields.set("X-a", "3").unwrap();
        assert_eq!(values(&fields), ["To: a", "X-a: 3", "Via: v"]);
        fields.set("Subject", "s").unwrap();
        assert_eq!(fields.len(), 4);
        assert!(fields.remove("t") && !fields.remove("t"));
    }

    #[test]
    fn the_first_value_of_a_list_can_be_taken_off() {
        let mut fields = fields(&[("Route", "<sip:a,b;lr>, <sip:c;lr>"), ("Route", "<sip:d>")]);
        assert_eq!(fields.take_first("Route").as_deref(), Some("<sip:a,b;lr>"));
        assert_eq!(fields.take_first("Route").as_deref(), Some("<sip:c;lr>"));
        assert_eq!(fields.take_first("Route").as_deref(), Some("<sip:d>"));
        assert_eq!(fields.take_first("Route"), None);
    }

    #[test]
    fn places_can_be_chosen() {
        let mut fields = fields(&[("To", "a"), ("Record-Route", "<sip:b>")]);
        fields.push_front("Via", "v").unwrap();
        fields.push_before("Record-Route", "<sip:c>").unwrap();
        assert_eq!(
            values(&fields),
            [
                "Via: v",
                "To: a",
                "Record-Route: <sip:c>",
                "Record-Route: <sip:b>"
            ]
        );
    }

    #[test]
    fn what_would_break_out_of_its_line_is_refused() {
        let mut fields = HeaderFields::new();
        for value in ["a\rb", "a\nb", "a\0b", "\r\n"] {
            for refused in [
                fields.push("X", value),
                fields.set("To", value),
                fields.push_front("X", value),
            ] {
                let error = refused.unwrap_err();
                assert!(matches!(error.fault(), WriteFault::Value { .. }));
            }
        }
        for name in ["", "a b", "a:", "a\r\nb", "é"] {
            let error = fields.push(name, "x").unwrap_err();
            assert!(matches!(error.fault(), WriteFault::Name(_)), "{name}");
        }
        assert!(fields.is_empty());
    }
}
