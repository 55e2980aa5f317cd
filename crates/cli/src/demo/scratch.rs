//! A folder for the files of one run, gone with it.

use std::io;
use std::path::{Path, PathBuf};

use crate::exit::{Code, Failure};

#[derive(Debug)]
pub(crate) struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    /// A new folder that nobody else has.
    pub(crate) fn new() -> Result<Self, Failure> {
        let base = std::env::temp_dir();
        let process = std::process::id();
        for attempt in 0..1000 {
            let folder = base.join(format!("offhook-demo-{process}-{attempt}"));
            match std::fs::create_dir(&folder) {
                Ok(()) => return Ok(Self { folder }),
                // Of an earlier process of the same number, or not ours: never touched.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failure(&folder, &error)),
            }
        }
        Err(failure(
            &base,
            &io::Error::from(io::ErrorKind::AlreadyExists),
        ))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn file(&self, name: &str, content: &[u8]) -> Result<PathBuf, Failure> {
        let path = self.path(name);
        std::fs::write(&path, content).map_err(|error| failure(&path, &error))?;
        Ok(path)
    }
}

fn failure(path: &Path, error: &io::Error) -> Failure {
    let message = format!("{} cannot be written: {error}", path.display());
    Failure::new(
        Code::Audio,
        message,
        "Free some space there, or set TMPDIR to another folder.",
    )
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed stays for the system to clean up.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
