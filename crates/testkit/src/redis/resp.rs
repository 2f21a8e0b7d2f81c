//! A tiny client of Redis's protocol (RESP2). See "Redis serialization protocol specification" in Redis's documentation.
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// Sends one command on a connection of its own, after AUTH when there is a password, and returns the reply as text.
pub(super) fn command(port: u16, password: Option<&str>, words: &[&str]) -> io::Result<String> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut stream = BufReader::new(stream);
    if let Some(password) = password {
        stream.get_mut().write_all(&request(&["AUTH", password]))?;
        reply(&mut stream)?;
    }
    stream.get_mut().write_all(&request(words))?;
    reply(&mut stream)
}

fn request(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
    }
    bytes
}

/// Simple strings and numbers bare, errors with their `-`, arrays one element a line, null empty.
fn reply(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let line = line.trim_end();
    match line.split_at_checked(1) {
        Some(("-", _)) => Ok(line.to_owned()),
        Some(("$", length)) => bulk(stream, length),
        Some(("*", count)) => {
            let elements: io::Result<Vec<String>> = (0..count.parse().unwrap_or(0)).map(|_| reply(stream)).collect();
            Ok(elements?.join("\n"))
        }
        Some((_, text)) => Ok(text.to_owned()),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn bulk(stream: &mut BufReader<TcpStream>, length: &str) -> io::Result<String> {
    let Ok(length) = length.parse::<usize>() else {
        return Ok(String::new());
    };
    let mut bytes = vec![0; length + 2];
    stream.read_exact(&mut bytes)?;
    bytes.truncate(length);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
