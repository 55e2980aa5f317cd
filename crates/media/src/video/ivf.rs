//! IVF files: a header of 32 bytes, and frames behind headers of 12.

use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{CLOCK_RATE, LARGEST_FRAME, VideoCodec, VideoFrame};
use crate::error::MediaError;

const FILE_HEADER: usize = 32;
const FRAME_HEADER: usize = 12;

impl VideoCodec {
    fn four_cc(self) -> [u8; 4] {
        match self {
            VideoCodec::Vp8 => *b"VP80",
            VideoCodec::H264 => *b"H264",
        }
    }
}

/// A file that is read frame by frame.
pub(super) struct IvfReader {
    path: PathBuf,
    file: BufReader<File>,
    codec: VideoCodec,
    /// A timestamp counts so many seconds: a numerator and a denominator.
    unit: (u32, u32),
    start: u64,
    /// Where the next frame's header begins.
    offset: u64,
}

impl IvfReader {
    /// Opens a file and checks its header and that it begins with a key frame.
    pub(super) fn open(path: &Path) -> Result<IvfReader, MediaError> {
        let file = File::open(path).map_err(|source| MediaError::File {
            path: path.to_owned(),
            source,
        })?;
        let mut file = BufReader::new(file);
        let wrong = |offset, reason: String| MediaError::Ivf {
            path: path.to_owned(),
            offset,
            reason,
        };
        let mut header = [0; FILE_HEADER];
        file.read_exact(&mut header)
            .map_err(|_| wrong(0, "it is shorter than the 32 bytes of an IVF header".into()))?;
        if !header.starts_with(b"DKIF") {
            return Err(wrong(0, "it does not begin with \"DKIF\"".into()));
        }
        let number = |at: usize| {
            let bytes = [header[at], header[at + 1], header[at + 2], header[at + 3]];
            u32::from_le_bytes(bytes)
        };
        let four_cc = &header[8..12];
        let codec = [VideoCodec::Vp8, VideoCodec::H264]
            .into_iter()
            .find(|codec| codec.four_cc() == four_cc)
            .ok_or_else(|| wrong(8, format!("its codec is \"{}\"", four_cc.escape_ascii())))?;
        let unit = (number(20), number(16));
        if unit.0 == 0 || unit.1 == 0 {
            return Err(wrong(16, format!("its time base is {}/{}", unit.0, unit.1)));
        }
        let start = u64::from(u16::from_le_bytes([header[6], header[7]]));
        if start < FILE_HEADER as u64 {
            return Err(wrong(6, format!("its header's length is {start}")));
        }
        let mut reader = IvfReader {
            path: path.to_owned(),
            file,
            codec,
            unit,
            start,
            offset: 0,
        };
        reader.seek(start)?;
        match reader.next()? {
            None => return Err(reader.wrong(start, "it holds no frame")),
            Some(first) if !first.key_frame => {
                return Err(reader.wrong(start, "its first frame is no key frame"));
            }
            Some(_) => reader.rewind()?,
        }
        Ok(reader)
    }

    fn wrong(&self, offset: u64, reason: impl Into<String>) -> MediaError {
        MediaError::Ivf {
            path: self.path.clone(),
            offset,
            reason: reason.into(),
        }
    }

    pub(super) fn codec(&self) -> VideoCodec {
        self.codec
    }

    /// Where the next frame begins, to [`seek`](Self::seek) back to.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn seek(&mut self, offset: u64) -> Result<(), MediaError> {
        self.file
            .seek(SeekFrom::Start(offset))
            .map_err(|source| MediaError::File {
                path: self.path.clone(),
                source,
            })?;
        self.offset = offset;
        Ok(())
    }

    pub(super) fn rewind(&mut self) -> Result<(), MediaError> {
        self.seek(self.start)
    }

    /// The next frame, `None` at the end. After an error there is no next frame.
    pub(super) fn next(&mut self) -> Result<Option<VideoFrame>, MediaError> {
        let offset = self.offset;
        let mut header = [0; FRAME_HEADER];
        let mut filled = 0;
        while filled < FRAME_HEADER {
            match self.file.read(&mut header[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(self.wrong(offset, "a frame's header is cut short")),
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.wrong(offset, error.to_string())),
            }
        }
        let [a, b, c, d, time @ ..] = header;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        if length == 0 || length > LARGEST_FRAME {
            let reason = format!("a frame has {length} bytes; 1 to {LARGEST_FRAME} are taken");
            return Err(self.wrong(offset, reason));
        }
        let mut data = Vec::new();
        let read = (&mut self.file).take(length as u64).read_to_end(&mut data);
        match read {
            Ok(count) if count == length => {}
            Ok(count) => {
                let reason = format!("a frame of {length} bytes ends after {count}");
                return Err(self.wrong(offset, reason));
            }
            Err(error) => return Err(self.wrong(offset, error.to_string())),
        }
        self.offset += (FRAME_HEADER + length) as u64;
        let timestamp = self.duration(u64::from_le_bytes(time));
        Ok(Some(VideoFrame::new(self.codec, data, timestamp)))
    }

    fn duration(&self, timestamp: u64) -> Duration {
        let (numerator, denominator) = self.unit;
        let nanos =
            u128::from(timestamp) * u128::from(numerator) * 1_000_000_000 / u128::from(denominator);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// How often the header's count of frames is brought up to date, in frames.
const FRAMES_A_FLUSH: u32 = 30;

/// A file that is written frame by frame.
pub(super) struct IvfWriter {
    path: PathBuf,
    state: State,
}

enum State {
    /// The file exists; codec and size follow with the first frame.
    Empty(File),
    Recording(Recording),
    /// Recording failed.
    Over,
}

struct Recording {
    file: BufWriter<File>,
    codec: VideoCodec,
    first: Duration,
    last: u64,
    frames: u32,
}

impl IvfWriter {
    pub(super) fn create(path: &Path) -> Result<IvfWriter, MediaError> {
        let file = File::create(path).map_err(|source| MediaError::File {
            path: path.to_owned(),
            source,
        })?;
        Ok(IvfWriter {
            path: path.to_owned(),
            state: State::Empty(file),
        })
    }

    /// Writes a frame. The first one must be a key frame, and gives the file its codec and size;
    /// frames of another codec are left out.
    pub(super) fn write(&mut self, frame: &VideoFrame) {
        let state = std::mem::replace(&mut self.state, State::Over);
        let written = match state {
            State::Empty(file) if frame.key_frame => Recording::begin(file, frame),
            State::Recording(recording) if recording.codec == frame.codec => recording.add(frame),
            other => {
                self.state = other;
                return;
            }
        };
        match written {
            Ok(recording) => self.state = State::Recording(recording),
            Err(error) => self.failed(&error),
        }
    }

    fn failed(&self, error: &std::io::Error) {
        tracing::warn!(path = ?self.path, %error, "the recording of the video stopped");
    }
}

impl Recording {
    fn begin(mut file: File, frame: &VideoFrame) -> std::io::Result<Recording> {
        let (width, height) = frame.codec.size(&frame.data).unwrap_or_default();
        file.write_all(&file_header(frame.codec.four_cc(), width, height))?;
        let recording = Recording {
            file: BufWriter::new(file),
            codec: frame.codec,
            first: frame.timestamp,
            last: 0,
            frames: 0,
        };
        recording.add(frame)
    }

    fn add(mut self, frame: &VideoFrame) -> std::io::Result<Recording> {
        let elapsed = frame.timestamp.saturating_sub(self.first);
        let ticks = elapsed.as_nanos() * u128::from(CLOCK_RATE);
        let rounded = (ticks + 500_000_000) / 1_000_000_000;
        // Players stumble over timestamps that stand still or go back.
        let least = if self.frames == 0 { 0 } else { self.last + 1 };
        self.last = u64::try_from(rounded).unwrap_or(u64::MAX).max(least);
        let length = u32::try_from(frame.data.len()).unwrap_or(u32::MAX);
        self.file.write_all(&length.to_le_bytes())?;
        self.file.write_all(&self.last.to_le_bytes())?;
        self.file.write_all(&frame.data)?;
        self.frames = self.frames.saturating_add(1);
        if self.frames.is_multiple_of(FRAMES_A_FLUSH) {
            self.count()?;
        }
        Ok(self)
    }

    /// Writes the number of frames into the header.
    fn count(&mut self) -> std::io::Result<()> {
        self.file.flush()?;
        let file = self.file.get_mut();
        file.seek(SeekFrom::Start(24))?;
        file.write_all(&self.frames.to_le_bytes())?;
        file.seek(SeekFrom::End(0))?;
        Ok(())
    }
}

fn file_header(four_cc: [u8; 4], width: u16, height: u16) -> [u8; FILE_HEADER] {
    let mut header = [0; FILE_HEADER];
    header[..4].copy_from_slice(b"DKIF");
    header[6..8].copy_from_slice(&(FILE_HEADER as u16).to_le_bytes());
    header[8..12].copy_from_slice(&four_cc);
    header[12..14].copy_from_slice(&width.to_le_bytes());
    header[14..16].copy_from_slice(&height.to_le_bytes());
    header[16..20].copy_from_slice(&CLOCK_RATE.to_le_bytes());
    header[20..24].copy_from_slice(&1u32.to_le_bytes());
    header
}

impl Drop for IvfWriter {
    fn drop(&mut self) {
        let result = match std::mem::replace(&mut self.state, State::Over) {
            // Of nothing at all the codec is unknown; a reader takes the file for an empty one.
            State::Empty(mut file) => file.write_all(&file_header(*b"VP80", 0, 0)),
            State::Recording(mut recording) => recording.count(),
            State::Over => Ok(()),
        };
        if let Err(error) = result {
            self.failed(&error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("offhook-{}-{name}", std::process::id()))
    }

    const KEY: &[u8] = &[
        0x50, 0x01, 0x00, 0x9d, 0x01, 0x2a, 0xa0, 0x00, 0x78, 0x00, 7, 7,
    ];

    /// A header, then frames of these lengths and contents.
    fn literal(codec: &[u8; 4], rate: u32, scale: u32, frames: &[(u32, u64, &[u8])]) -> Vec<u8> {
        let mut bytes = b"DKIF\0\0\x20\0".to_vec();
        bytes.extend_from_slice(codec);
        bytes.extend_from_slice(&[160, 0, 120, 0]);
        bytes.extend_from_slice(&rate.to_le_bytes());
        bytes.extend_from_slice(&scale.to_le_bytes());
        bytes.extend_from_slice(&[0; 8]);
        for (length, time, data) in frames {
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&time.to_le_bytes());
            bytes.extend_from_slice(data);
        }
        bytes
    }

    fn open(name: &str, bytes: &[u8]) -> Result<IvfReader, MediaError> {
        let path = file(name);
        std::fs::write(&path, bytes).unwrap();
        let reader = IvfReader::open(&path);
        std::fs::remove_file(&path).unwrap();
        reader
    }

    #[test]
    fn frames_come_with_their_times_and_again_after_going_back() {
        let frames = [(12, 0, KEY), (2, 1, &[1, 9][..]), (12, 3, KEY)];
        let mut reader = open("read.ivf", &literal(b"VP80", 30, 1, &frames)).unwrap();
        assert_eq!(reader.codec(), VideoCodec::Vp8);
        let first = reader.next().unwrap().unwrap();
        assert_eq!((&*first.data, first.key_frame), (KEY, true));
        let second = reader.next().unwrap().unwrap();
        assert_eq!((&*second.data, second.key_frame), (&[1, 9][..], false));
        assert_eq!(second.timestamp, Duration::from_nanos(33_333_333));
        let third = reader.offset();
        assert_eq!(reader.next().unwrap().unwrap().timestamp.as_millis(), 100);
        assert!(reader.next().unwrap().is_none());
        reader.seek(third).unwrap();
        assert_eq!(&*reader.next().unwrap().unwrap().data, KEY);
        reader.rewind().unwrap();
        assert_eq!(reader.next().unwrap().unwrap(), first);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_with_its_place() {
        let good = literal(b"VP80", 30, 1, &[(12, 0, KEY)]);
        let mut version = good.clone();
        version[6] = 8;
        for (bytes, offset, word) in [
            (b"DKIF".to_vec(), 0, "32 bytes"),
            (vec![b'R'; 64], 0, "DKIF"),
            (literal(b"VP90", 30, 1, &[(12, 0, KEY)]), 8, "VP90"),
            (literal(b"VP80", 0, 1, &[(12, 0, KEY)]), 16, "time base"),
            (version, 6, "length is 8"),
            (good[..32].to_vec(), 32, "no frame"),
            (literal(b"VP80", 30, 1, &[(2, 0, &[1, 1])]), 32, "key frame"),
            (good[..40].to_vec(), 32, "cut short"),
            (good[..50].to_vec(), 32, "ends after 6"),
            (literal(b"VP80", 30, 1, &[(u32::MAX, 0, KEY)]), 32, "bytes"),
            (literal(b"VP80", 30, 1, &[(0, 0, KEY)]), 32, "0 bytes"),
        ] {
            let Err(error) = open("wrong.ivf", &bytes) else {
                panic!("{word} was not noticed");
            };
            let MediaError::Ivf { offset: at, .. } = &error else {
                panic!("{error}");
            };
            assert_eq!(*at, offset, "{error}");
            assert!(error.to_string().contains(word), "{error}");
            assert!(error.to_string().contains("wrong.ivf"), "{error}");
        }
        let missing = IvfReader::open(Path::new("/does/not/exist.ivf"));
        assert!(matches!(missing, Err(MediaError::File { .. })));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let path = file("written.ivf");
        let mut writer = IvfWriter::create(&path).unwrap();
        let frame = |data: &[u8], millis| {
            let data = data.to_vec();
            VideoFrame::new(VideoCodec::Vp8, data, Duration::from_millis(millis))
        };
        // Before a key frame, and of another codec: left out.
        writer.write(&frame(&[1], 900));
        writer.write(&frame(KEY, 1_000));
        writer.write(&VideoFrame::new(
            VideoCodec::H264,
            vec![0, 0, 1, 0x65],
            Duration::from_secs(1),
        ));
        writer.write(&frame(&[1, 2], 1_040));
        writer.write(&frame(&[1, 3], 1_040));
        drop(writer);
        let bytes = std::fs::read(&path).unwrap();
        let mut expected = literal(
            b"VP80",
            90_000,
            1,
            &[(12, 0, KEY), (2, 3_600, &[1, 2]), (2, 3_601, &[1, 3])],
        );
        expected[24] = 3;
        assert_eq!(bytes, expected);
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_recording_of_nothing_is_a_header() {
        let path = file("nothing.ivf");
        drop(IvfWriter::create(&path).unwrap());
        assert_eq!(std::fs::read(&path).unwrap().len(), 32);
        let error = IvfReader::open(&path).err().unwrap();
        assert!(error.to_string().contains("no frame"), "{error}");
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_recording_counts_its_frames_before_it_ends() {
        let path = file("count.ivf");
        let mut writer = IvfWriter::create(&path).unwrap();
        for n in 0..70u64 {
            let time = Duration::from_millis(n * 33);
            writer.write(&VideoFrame::new(VideoCodec::Vp8, KEY.to_vec(), time));
        }
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(u32::from_le_bytes(bytes[24..28].try_into().unwrap()), 60);
        drop(writer);
        let mut reader = IvfReader::open(&path).unwrap();
        let frames = std::iter::from_fn(|| reader.next().unwrap()).count();
        assert_eq!(frames, 70);
        std::fs::remove_file(&path).unwrap();
    }
}
