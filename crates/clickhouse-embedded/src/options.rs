use std::ffi::OsString;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use crate::InstallOptions;

/// Who may use a server.
///
/// The program that started the server has a user of its own in any case.
#[derive(Clone, PartialEq, Eq)]
pub enum Access {
    /// Every program on this machine, as the user `default` without a password.
    ///
    /// It may query, insert, and create and drop tables. It reaches no file and no other server
    /// (`file()`, `url()`, `s3()`, `remote()`), and manages no users.
    Open,
    /// Whoever knows the password. This user may do everything.
    Password {
        /// The user's name, such as `default`.
        user: String,
        /// The password.
        password: String,
    },
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("Open"),
            Self::Password { user, .. } => f
                .debug_struct("Password")
                .field("user", user)
                .finish_non_exhaustive(),
        }
    }
}

/// How a server is started.
///
/// The defaults suit a program that shares a machine with others: ClickHouse's own settings, and
/// free ports on the loopback address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerOptions {
    /// Where the library is looked for. Starting a server fetches nothing.
    pub library: InstallOptions,
    /// The address of the HTTP interface; port 0 picks a free one.
    ///
    /// The native protocol listens on the same IP address, on a free port.
    pub listen: SocketAddr,
    /// Who may use the server beside this program.
    pub access: Access,
    /// The maximum memory of the whole server, in bytes (`max_server_memory_usage`); `None`: nine
    /// tenths of the machine's.
    pub max_memory_bytes: Option<u64>,
    /// Settings of every query that does not set them itself, such as `max_threads`.
    pub settings: Vec<(String, String)>,
    /// Arguments with which this program comes to [`run_if_server`](crate::run_if_server).
    ///
    /// Empty for a program that calls it first in `main`; the test runner needs a test's name.
    pub arguments: Vec<OsString>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            library: InstallOptions::default(),
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            access: Access::Open,
            max_memory_bytes: None,
            settings: Vec::new(),
            arguments: Vec::new(),
        }
    }
}
