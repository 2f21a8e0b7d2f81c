//! Values in a row, as text and as binary.

/// A value of a canned row; its variant says the type that the column claims.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `boolean`
    Bool(bool),
    /// `integer`
    Int4(i32),
    /// `bigint`
    Int8(i64),
    /// `double precision`
    Float8(f64),
    /// `text`
    Text(String),
    /// `text`, NULL
    Null,
}

impl Value {
    /// The type's OID in `pg_type`, the same in every version.
    pub(super) fn oid(&self) -> u32 {
        match self {
            Self::Bool(_) => 16,
            Self::Int8(_) => 20,
            Self::Int4(_) => 23,
            Self::Text(_) | Self::Null => 25,
            Self::Float8(_) => 701,
        }
    }

    /// As simple queries carry it; none is NULL.
    pub(super) fn text(&self) -> Option<Vec<u8>> {
        let text = match self {
            Self::Bool(value) => if *value { "t" } else { "f" }.to_owned(),
            Self::Int4(value) => value.to_string(),
            Self::Int8(value) => value.to_string(),
            Self::Float8(value) => value.to_string(),
            Self::Text(value) => value.clone(),
            Self::Null => return None,
        };
        Some(text.into_bytes())
    }

    /// As drivers ask for it in the extended protocol; none is NULL.
    pub(super) fn binary(&self) -> Option<Vec<u8>> {
        match self {
            Self::Bool(value) => Some(vec![u8::from(*value)]),
            Self::Int4(value) => Some(value.to_be_bytes().to_vec()),
            Self::Int8(value) => Some(value.to_be_bytes().to_vec()),
            Self::Float8(value) => Some(value.to_be_bytes().to_vec()),
            Self::Text(_) | Self::Null => self.text(),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
