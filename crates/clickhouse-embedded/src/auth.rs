//! Checks the passwords of the user `default`.
//!
//! The server process itself logs in as `default` without a password, once, before it listens. So
//! that nobody else can, that user's logins are checked here, by ClickHouse's `http_authentication`:
//! a GET request with Basic credentials, answered by 200 or 403.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;

/// A request is a few hundred bytes from this machine.
const TIMEOUT: Duration = Duration::from_secs(2);
const MAX_LINES: usize = 100;

/// A listener on loopback; it ends with the last handle.
#[derive(Debug)]
pub(crate) struct Authenticator {
    pub(crate) addr: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Whether one login without a password is let in.
    is_starting: AtomicBool,
    has_ended: AtomicBool,
    /// `default:PASSWORD`, if that user has one.
    credentials: Option<String>,
}

impl Authenticator {
    /// Starts to listen; `password` is that of the user `default`, if it has one.
    pub(crate) fn start(password: Option<&str>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            is_starting: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            credentials: password.map(|password| format!("default:{password}")),
        });
        let serving = Arc::clone(&shared);
        thread::Builder::new()
            .name("clickhouse-auth".to_owned())
            .spawn(move || {
                for stream in listener.incoming() {
                    if serving.has_ended.load(Ordering::Acquire) {
                        return;
                    }
                    // Whoever asks wrongly or goes away is not let in; that is all.
                    drop(stream.and_then(|stream| serving.answer(stream)));
                }
            })?;
        Ok(Self { addr, shared })
    }

    /// Lets the next login without a password in, or none.
    pub(crate) fn set_starting(&self, is_starting: bool) {
        self.shared
            .is_starting
            .store(is_starting, Ordering::Release);
    }
}

impl Drop for Authenticator {
    fn drop(&mut self) {
        self.shared.has_ended.store(true, Ordering::Release);
        // Wakes the thread; if this fails, the thread has ended already.
        drop(TcpStream::connect(self.addr));
    }
}

impl Shared {
    fn answer(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let mut credentials = Vec::new();
        for line in BufReader::new(&stream).lines().take(MAX_LINES) {
            let line = line?;
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(": ")
                && name.eq_ignore_ascii_case("authorization")
                && let Some(value) = value.strip_prefix("Basic ")
            {
                credentials = BASE64.decode(value.trim()).unwrap_or_default();
            }
        }
        let status = if self.admits(&credentials) {
            "200 OK"
        } else {
            "403 Forbidden"
        };
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        (&stream).write_all(answer.as_bytes())
    }

    fn admits(&self, credentials: &[u8]) -> bool {
        if credentials == b"default:" {
            return self.is_starting.swap(false, Ordering::AcqRel);
        }
        self.credentials.as_deref().map(str::as_bytes) == Some(credentials)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_login_without_a_password_is_let_in_and_only_at_the_start() {
        let with_password = Authenticator::start(Some("secret")).unwrap();
        let without = Authenticator::start(None).unwrap();
        for authenticator in [&with_password, &without] {
            assert_eq!(login(authenticator, "default:"), 403);
            authenticator.set_starting(true);
            assert_eq!(login(authenticator, "default:"), 200);
            assert_eq!(login(authenticator, "default:"), 403);
            authenticator.set_starting(true);
            authenticator.set_starting(false);
            assert_eq!(login(authenticator, "default:"), 403);
            assert_eq!(login(authenticator, "default:wrong"), 403);
            assert_eq!(login(authenticator, "other:secret"), 403);
        }
        assert_eq!(login(&with_password, "default:secret"), 200);
        assert_eq!(login(&without, "default:secret"), 403);
    }

    fn login(authenticator: &Authenticator, credentials: &str) -> u16 {
        let mut stream = TcpStream::connect(authenticator.addr).unwrap();
        let request = format!(
            "GET / HTTP/1.1\r\nAuthorization: Basic {}\r\n\r\n",
            BASE64.encode(credentials)
        );
        stream.write_all(request.as_bytes()).unwrap();
        let answer = io::read_to_string(stream).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}
