//! Headers that a proxy adds to answers.

/// Those that belong to a connection rather than to an answer.
const NOT_OURS: &[&str] = &["connection", "content-length", "transfer-encoding", "upgrade", "trailer", "keep-alive"];

/// Name, in small letters, and value of a header that is written as `Name: value` (RFC 9110, 5.1 and 5.5).
///
/// # Errors
/// When it is none, or belongs to a connection rather than to an answer.
pub fn answer_header(text: &str) -> Result<(String, String), String> {
    let wrong = || format!("`{text}` is no header: write `Name: value`");
    let (name, value) = text.split_once(':').ok_or_else(wrong)?;
    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) || value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t')
    {
        return Err(wrong());
    }
    match NOT_OURS.contains(&name.as_str()) {
        true => Err(format!("`{name}` is not ours to set")),
        false => Ok((name, value.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::answer_header;

    /// S4.9: what is no header of an answer is refused.
    #[test]
    fn headers_of_answers_are_names_and_values() {
        assert_eq!(answer_header("X-By:  shop "), Ok(("x-by".to_owned(), "shop".to_owned())));
        for text in ["", "x", ": x", "a b: c", "ü: c", "x: a\nb", "Content-Length: 3", "connection: close"] {
            assert!(answer_header(text).is_err(), "{text}");
        }
    }
}
