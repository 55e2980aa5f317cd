//! What a call of the phone plays and records.

use std::path::PathBuf;

use offhook::{Source, VideoSource};

use crate::account;
use crate::answer::numbered;
use crate::args::PhoneArgs;
use crate::exit::Failure;

/// The two ends of a call's audio and video.
pub(super) struct Ends {
    pub(super) source: Option<Source>,
    pub(super) record: Option<PathBuf>,
    pub(super) video: Option<VideoSource>,
    pub(super) record_video: Option<PathBuf>,
}

impl Ends {
    /// Those of the call of this number, as the arguments say.
    pub(super) fn of(args: &PhoneArgs, number: usize) -> Result<Self, Failure> {
        let source = match args.echo {
            true => Some(Source::echo()),
            false => account::source(&args.media)?,
        };
        let file = |path: &Option<PathBuf>| path.as_ref().map(|path| numbered(path, number));
        Ok(Self {
            source,
            record: file(&args.media.record),
            video: account::video_source(&args.media)?,
            record_video: file(&args.media.record_video),
        })
    }
}

/// Gives them to a call that is made, allowed or answered: all are built in the same way.
macro_rules! with_ends {
    ($ends:expr, $options:expr) => {{
        let Ends {
            source,
            record,
            video,
            record_video,
        } = $ends;
        let mut options = $options;
        if let Some(source) = source {
            options = options.play(source);
        }
        if let Some(path) = record {
            options = options.record(path);
        }
        if let Some(source) = video {
            options = options.play_video(source);
        }
        if let Some(path) = record_video {
            options = options.record_video(path);
        }
        options
    }};
}

pub(super) use with_ends;
