//! How much a peer may send before it is refused.

/// The bounds that every parser of this crate keeps to.
///
/// A message that passes a bound is refused with a [`ParseError`](crate::ParseError) that says
/// which one; memory never grows with what a peer sends.
///
/// ```
/// use offhook_sip::Limits;
///
/// let limits = Limits::default().with_message_size(16 * 1024);
/// assert_eq!(limits.message_size(), 16 * 1024);
/// assert_eq!(limits.header_count(), 256);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    message_size: usize,
    header_count: usize,
    header_length: usize,
    nesting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            message_size: 65_536,
            header_count: 256,
            header_length: 8_192,
            nesting: 8,
        }
    }
}

impl Limits {
    /// Sets the largest message, start line to the body's last byte, in bytes. Default 65 536.
    #[must_use]
    pub fn with_message_size(mut self, bytes: usize) -> Self {
        // Spans are 32 bits wide.
        self.message_size = bytes.min(u32::MAX as usize);
        self
    }

    /// Sets the largest number of header lines. Default 256.
    #[must_use]
    pub fn with_header_count(mut self, lines: usize) -> Self {
        self.header_count = lines;
        self
    }

    /// Sets the longest header line with its folds, and the longest start line, in bytes.
    /// Default 8 192.
    #[must_use]
    pub fn with_header_length(mut self, bytes: usize) -> Self {
        self.header_length = bytes;
        self
    }

    /// Sets how deep multipart bodies may stand in one another. Default 8.
    #[must_use]
    pub fn with_nesting(mut self, levels: usize) -> Self {
        self.nesting = levels;
        self
    }

    /// The largest message in bytes.
    pub fn message_size(&self) -> usize {
        self.message_size
    }

    /// The largest number of header lines.
    pub fn header_count(&self) -> usize {
        self.header_count
    }

    /// The longest header line in bytes, folds included.
    pub fn header_length(&self) -> usize {
        self.header_length
    }

    /// How deep multipart bodies may stand in one another.
    pub fn nesting(&self) -> usize {
        self.nesting
    }
}
