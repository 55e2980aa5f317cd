//! What a call of the phone plays and records.

use std::path::PathBuf;

use offhook::Source;

use crate::account;
use crate::answer::numbered;
use crate::args::PhoneArgs;
use crate::exit::Failure;

/// The two ends of a call's audio.
pub(super) struct Ends {
    pub(super) source: Option<Source>,
    pub(super) record: Option<PathBuf>,
}

impl Ends {
    /// Those of the call of this number, as the arguments say.
    pub(super) fn of(args: &PhoneArgs, number: usize) -> Result<Self, Failure> {
        let source = match args.echo {
            true => Some(Source::echo()),
            false => account::source(&args.media)?,
        };
        let record = args.media.record.as_ref();
        Ok(Self {
            source,
            record: record.map(|path| numbered(path, number)),
        })
    }
}

/// Gives them to a call that is made, allowed or answered: all are built in the same way.
macro_rules! with_ends {
    ($ends:expr, $options:expr) => {{
        let Ends { source, record } = $ends;
        let mut options = $options;
        if let Some(source) = source {
            options = options.play(source);
        }
        if let Some(path) = record {
            options = options.record(path);
        }
        options
    }};
}

pub(super) use with_ends;
