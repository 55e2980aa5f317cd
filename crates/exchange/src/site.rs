//! A small web site that is served where the WebSocket is: the files of one folder, in memory.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use offhook_net::{Page, PageRequest, Pages};

/// How many files a site may have.
const MOST_FILES: usize = 1_000;
/// How large it may be, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;
/// How deep its folders may stand in each other.
const DEEPEST: usize = 16;

/// What a page of the site may do: nothing from elsewhere, but WebSockets to any server, for the
/// phone may have its account anywhere.
const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; \
    connect-src 'self' ws: wss:; img-src 'self' data: blob:; media-src 'self' data: blob:; \
    object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The files of a folder, read once and served from memory: a request names one of them or none,
/// whatever path it writes. Give it to [`ExchangeBuilder::site`](crate::ExchangeBuilder::site).
///
/// ```no_run
/// use offhook_exchange::Site;
///
/// # fn main() -> Result<(), offhook_exchange::SiteError> {
/// let site = Site::folder("web-phone/dist")?
///     .with_file("config.json", r#"{ "domain": "localhost" }"#)
///     .on_this_machine_only();
/// # drop(site);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Site {
    /// By the path without the leading slash.
    files: HashMap<String, Bytes>,
    local: bool,
}

impl Site {
    /// Reads every file of a folder and of the folders in it. Links, and what begins with a dot,
    /// are left out. Changes that are made later are not seen.
    ///
    /// # Errors
    ///
    /// [`SiteError::NoIndex`] when there is no `index.html`, which is what `/` gives,
    /// [`SiteError::TooLarge`] beyond a thousand files or 64 MiB, and [`SiteError::Unreadable`].
    pub fn folder(path: impl AsRef<Path>) -> Result<Site, SiteError> {
        let folder = path.as_ref();
        if !folder.join("index.html").is_file() {
            return Err(SiteError::NoIndex {
                folder: folder.to_owned(),
            });
        }
        let mut reader = Reader::default();
        reader.read(folder, "", 0)?;
        Ok(Site {
            files: reader.files,
            local: false,
        })
    }

    /// Adds a file, or takes another's place.
    #[must_use]
    pub fn with_file(mut self, path: &str, content: impl Into<Bytes>) -> Site {
        let path = path.trim_start_matches('/').to_owned();
        self.files.insert(path, content.into());
        self
    }

    /// Serves only those who ask for this machine: for `localhost` or a loopback address. A page
    /// from elsewhere whose name was made to point here reads nothing then.
    #[must_use]
    pub fn on_this_machine_only(mut self) -> Site {
        self.local = true;
        self
    }

    fn find(&self, target: &str) -> Option<(&str, &Bytes)> {
        let path = target.split(['?', '#']).next().unwrap_or_default();
        let mut path = decoded(path.strip_prefix('/')?)?;
        if path.is_empty() || path.ends_with('/') {
            path.push_str("index.html");
        }
        let (name, content) = self.files.get_key_value(&path)?;
        Some((name, content))
    }
}

impl Pages for Site {
    fn page(&self, request: &PageRequest<'_>) -> Page {
        if self.local && !request.host.is_some_and(is_this_machine) {
            let words = "This page is for this machine only: ask for it as localhost.\n";
            return Page::text("421 Misdirected Request", words);
        }
        let Some((name, content)) = self.find(request.target) else {
            return Page::text("404 Not Found", "There is no such page here.\n");
        };
        let header = |name, value: &str| (name, value.to_owned());
        Page {
            status: "200 OK",
            headers: vec![
                header("Content-Type", content_type(name)),
                header("Content-Security-Policy", POLICY),
                header("X-Content-Type-Options", "nosniff"),
                header("Referrer-Policy", "no-referrer"),
                // It may be another one after the next start.
                header("Cache-Control", "no-store"),
            ],
            body: content.clone(),
        }
    }
}

impl std::fmt::Debug for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the files: there may be passwords in them.
        f.debug_struct("Site")
            .field("files", &self.files.len())
            .field("local", &self.local)
            .finish()
    }
}

/// Why a folder is no site.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SiteError {
    /// There is no page to begin with.
    #[error("there is no index.html in {}", folder.display())]
    NoIndex {
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// A file or folder cannot be read.
    #[error("{} cannot be read: {reason}", path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// It is more than a site needs, perhaps the wrong folder.
    #[error(
        "{} is no folder of a small site: it has more than 1000 files, 64 MiB or 16 levels",
        folder.display()
    )]
    TooLarge {
        /// Where the bound was passed.
        folder: PathBuf,
    },
}

#[derive(Default)]
struct Reader {
    files: HashMap<String, Bytes>,
    size: u64,
}

impl Reader {
    fn read(&mut self, folder: &Path, prefix: &str, depth: usize) -> Result<(), SiteError> {
        let too_large = || SiteError::TooLarge {
            folder: folder.to_owned(),
        };
        if depth >= DEEPEST {
            return Err(too_large());
        }
        for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
            let entry = entry.map_err(unreadable(folder))?;
            let path = entry.path();
            // A name that is no text cannot be asked for.
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                continue;
            };
            let kind = entry.file_type().map_err(unreadable(&path))?;
            if name.starts_with('.') {
                continue;
            } else if kind.is_dir() {
                self.read(&path, &format!("{prefix}{name}/"), depth + 1)?;
            } else if kind.is_file() {
                self.size += entry.metadata().map_err(unreadable(&path))?.len();
                if self.files.len() >= MOST_FILES || self.size > LARGEST {
                    return Err(too_large());
                }
                let content = fs::read(&path).map_err(unreadable(&path))?;
                self.files.insert(format!("{prefix}{name}"), content.into());
            }
        }
        Ok(())
    }
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> SiteError {
    let path = path.to_owned();
    move |error| SiteError::Unreadable {
        path,
        reason: error.to_string(),
    }
}

/// Undoes percent-encoding (RFC 3986, 2.1); `None` for what is none, or no text.
fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// Whether a Host header (RFC 9110, 7.2) names this machine itself.
fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(literal) => literal.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn content_type(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension.to_ascii_lowercase().as_str() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wav" => "audio/wav",
        "mp3" => "audio/mpeg",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "these are tests")]

    use super::*;

    /// A folder of this test's own, with these files in it.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str, files: &[&str]) -> Scratch {
            let name = format!("offhook-site-{}-{name}", std::process::id());
            let scratch = Scratch(std::env::temp_dir().join(name));
            for file in files {
                let path = scratch.0.join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, *file).unwrap();
            }
            scratch
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn get(site: &Site, target: &str, host: &str) -> (&'static str, String, String) {
        let page = site.page(&PageRequest::new(target, Some(host)));
        let kind = page
            .headers
            .iter()
            .find(|(name, _)| *name == "Content-Type");
        let body = String::from_utf8(page.body.to_vec()).unwrap();
        (page.status, kind.unwrap().1.clone(), body)
    }

    #[test]
    fn every_file_has_its_type_and_nothing_else_is_found() {
        let files = [
            "index.html",
            "assets/a b.js",
            "assets/s.css",
            "sub/index.html",
            "x.bin",
        ];
        let scratch = Scratch::new("types", &files);
        fs::write(scratch.0.join(".secret"), "no").unwrap();
        fs::write(scratch.0.with_extension("outside"), "no").unwrap();
        let site = Site::folder(&scratch.0)
            .unwrap()
            .with_file("/config.json", "{}");
        let found = [
            ("/", "text/html; charset=utf-8", "index.html"),
            ("/index.html?x=1", "text/html; charset=utf-8", "index.html"),
            (
                "/assets/a%20b.js",
                "text/javascript; charset=utf-8",
                "assets/a b.js",
            ),
            ("/assets/s.css", "text/css; charset=utf-8", "assets/s.css"),
            ("/sub/", "text/html; charset=utf-8", "sub/index.html"),
            ("/x.bin", "application/octet-stream", "x.bin"),
            ("/config.json", "application/json", "{}"),
        ];
        for (target, kind, body) in found {
            let page = get(&site, target, "example.com");
            assert_eq!(
                page,
                ("200 OK", kind.to_owned(), body.to_owned()),
                "{target}"
            );
        }
        let name = scratch.0.file_name().unwrap().to_str().unwrap();
        let outside = format!("/../{name}.outside");
        let encoded = outside.replace("..", "%2e%2E").replace('/', "%2f");
        let nothing = [
            outside.as_str(),
            &encoded,
            "/.secret",
            "/%2esecret",
            "/sub/../index.html",
            "/assets",
            "/assets/",
            "//index.html",
            "/etc/passwd",
            "",
            "*",
            "/%",
            "/%zz",
            "/%ff",
            "http://elsewhere/index.html",
            "/index.html%00",
        ];
        for target in nothing {
            assert_eq!(
                get(&site, target, "localhost").0,
                "404 Not Found",
                "{target}"
            );
        }
        fs::remove_file(scratch.0.with_extension("outside")).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn links_lead_nowhere() {
        let scratch = Scratch::new("links", &["index.html"]);
        std::os::unix::fs::symlink("/etc/hostname", scratch.0.join("link.txt")).unwrap();
        std::os::unix::fs::symlink("..", scratch.0.join("up")).unwrap();
        let site = Site::folder(&scratch.0).unwrap();
        assert_eq!(get(&site, "/link.txt", "localhost").0, "404 Not Found");
        assert_eq!(site.files.len(), 1);
    }

    #[test]
    fn a_folder_without_a_page_is_no_site() {
        let scratch = Scratch::new("none", &["main.ts"]);
        let error = Site::folder(&scratch.0).unwrap_err();
        assert!(matches!(error, SiteError::NoIndex { .. }));
        assert!(
            error.to_string().starts_with("there is no index.html in "),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_small_site_is_not_read() {
        let deep = format!("{}index.html", "a/".repeat(DEEPEST));
        let scratch = Scratch::new("deep", &["index.html", &deep]);
        let error = Site::folder(&scratch.0).unwrap_err();
        assert!(matches!(error, SiteError::TooLarge { .. }), "{error}");
    }

    #[test]
    fn a_site_of_this_machine_serves_nobody_who_asks_for_another() {
        let scratch = Scratch::new("local", &["index.html"]);
        let site = Site::folder(&scratch.0).unwrap().on_this_machine_only();
        for host in [
            "localhost",
            "LocalHost:8080",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]:80",
            "[::1]",
        ] {
            assert_eq!(get(&site, "/", host).0, "200 OK", "{host}");
        }
        for host in [
            "evil.example:8080",
            "localhost.evil.example",
            "192.0.2.1",
            "[2001:db8::1]",
            "",
        ] {
            assert_eq!(get(&site, "/", host).0, "421 Misdirected Request", "{host}");
        }
        let nobody = site.page(&PageRequest::new("/", None));
        assert_eq!(nobody.status, "421 Misdirected Request");
    }
}
