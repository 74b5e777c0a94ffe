//! A server for files that does as a test tells it, right or wrong, byte by byte.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// What is asked for, with its query.
    pub target: String,
    /// The headers, their names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Where the asked range begins.
    pub fn from(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// What is sent back.
#[derive(Clone, Debug)]
pub struct Reply {
    bytes: Vec<u8>,
    /// Whether the connection stays open until the client has enough.
    holds: bool,
}

impl Reply {
    /// Any answer.
    pub fn raw(head: &str, body: &[u8]) -> Self {
        let mut bytes = format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n").into_bytes();
        bytes.extend_from_slice(body);
        Self { bytes, holds: false }
    }

    /// A status and nothing else.
    pub fn status(status: &str) -> Self {
        Self::raw(&format!("{status}\r\nContent-Length: 0"), b"")
    }

    /// All of it, under an entity tag.
    pub fn whole(body: &[u8]) -> Self {
        Self::raw(&format!("200 OK\r\nETag: \"a\"\r\nContent-Length: {}", body.len()), body)
    }

    /// The rest of it from there.
    pub fn rest(body: &[u8], from: usize) -> Self {
        let (total, last) = (body.len(), body.len() - 1);
        let head = format!("206 Partial Content\r\nETag: \"a\"\r\nContent-Range: bytes {from}-{last}/{total}");
        Self::raw(&format!("{head}\r\nContent-Length: {}", total - from), &body[from..])
    }

    /// In pieces, without telling how much it will be.
    pub fn chunked(pieces: &[&[u8]], ends: bool) -> Self {
        let mut reply = Self::raw("200 OK\r\nTransfer-Encoding: chunked", b"");
        for piece in pieces {
            reply.bytes.extend(format!("{:x}\r\n", piece.len()).bytes().chain(piece.iter().copied()).chain(*b"\r\n"));
        }
        if ends {
            reply.bytes.extend(b"0\r\n\r\n");
        }
        reply
    }

    pub fn redirect(to: &str) -> Self {
        Self::raw(&format!("302 Found\r\nContent-Length: 0\r\nLocation: {to}"), b"")
    }

    /// The same without its last bytes.
    pub fn without_last(mut self, count: usize) -> Self {
        self.bytes.truncate(self.bytes.len() - count);
        self
    }

    /// The same, and then nothing more on a connection that stays.
    pub fn then_silence(self) -> Self {
        Self { holds: true, ..self }
    }
}

/// The server. It serves until the test's process ends.
pub struct Web {
    scheme: &'static str,
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    left: Arc<Mutex<usize>>,
}

/// A connection of a client.
trait Connection: Read + Write {}

impl<T: Read + Write> Connection for T {}

impl Web {
    /// Serves what `answer` says to each request; it is told which one that is, the first being 0.
    pub fn serve(answer: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::serve_over("http", |stream| Ok(Box::new(stream)), answer)
    }

    /// The same over TLS.
    pub fn serve_tls(
        config: Arc<ServerConfig>,
        answer: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let secured = move |stream| -> io::Result<Box<dyn Connection>> {
            let connection = ServerConnection::new(Arc::clone(&config)).map_err(io::Error::other)?;
            Ok(Box::new(StreamOwned::new(connection, stream)))
        };
        Self::serve_over("https", secured, answer)
    }

    fn serve_over(
        scheme: &'static str,
        connection: impl Fn(TcpStream) -> io::Result<Box<dyn Connection>> + Send + Sync + 'static,
        answer: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, left) = (Arc::<Mutex<Vec<Asked>>>::default(), Arc::default());
        let (connection, answer) = (Arc::new(connection), Arc::new(answer));
        let web = Self { scheme, address, asked: Arc::clone(&asked), left: Arc::clone(&left) };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (asked, left) = (Arc::clone(&asked), Arc::clone(&left));
                let (connection, answer) = (Arc::clone(&connection), Arc::clone(&answer));
                std::thread::spawn(move || {
                    // A client that goes away in the middle is no fault of the server's.
                    let _ = stream.set_read_timeout(Some(Duration::from_mins(1)));
                    let _ = connection(stream).and_then(|stream| talk(stream, &asked, &left, &*answer));
                });
            }
        });
        web
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What was asked for until now.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// How many clients have left a connection that was held open for them.
    pub fn left(&self) -> usize {
        *self.left.lock().unwrap()
    }
}

fn talk(
    stream: Box<dyn Connection>,
    asked: &Mutex<Vec<Asked>>,
    left: &Mutex<usize>,
    answer: &dyn Fn(usize, &Asked) -> Reply,
) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let target = lines[0].split(' ').nth(1).unwrap_or_default().to_owned();
    let headers = lines[1..].iter().filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let request = Asked { target, headers };
    let number = {
        let mut asked = asked.lock().unwrap();
        asked.push(request.clone());
        asked.len() - 1
    };
    let reply = answer(number, &request);
    reader.get_mut().write_all(&reply.bytes)?;
    reader.get_mut().flush()?;
    if reply.holds {
        // Ends once the client has closed its end.
        let _ = reader.read(&mut [0]);
        *left.lock().unwrap() += 1;
    }
    Ok(())
}
