//! Standard input, line by line.

use std::io::BufRead;

use tokio::sync::mpsc;

/// How many lines may wait to be carried out; who writes more waits.
const WAITING: usize = 16;

/// The lines as they come; it ends with the input.
///
/// A thread of its own reads them: a read from a terminal cannot be given up, and would keep the
/// runtime from ending.
pub(super) fn lines() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(WAITING);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut line = Vec::new();
        while input
            .read_until(b'\n', &mut line)
            .is_ok_and(|read| read > 0)
        {
            let text = String::from_utf8_lossy(&line).into_owned();
            if sender.blocking_send(text).is_err() {
                break;
            }
            line.clear();
        }
    });
    lines
}
