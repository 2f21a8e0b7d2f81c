//! What the terminal tells, in our words.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use top::{Key, Message};

/// None for what means nothing here.
pub(super) fn messages(event: &Event) -> Vec<Message> {
    match event {
        Event::Key(event) if event.kind != KeyEventKind::Release => keys(event).map(Message::Key).collect(),
        Event::Resize(columns, rows) => vec![Message::Resized { columns: *columns, rows: *rows }],
        _ => Vec::new(),
    }
}

/// Escape and a key that come together, as over a slow line, look like that key with Alt; nothing here has keys with Alt.
fn keys(event: &KeyEvent) -> impl Iterator<Item = Key> {
    let escape = event.modifiers.contains(KeyModifiers::ALT).then_some(Key::Escape);
    escape.into_iter().chain(key(event))
}

fn key(event: &KeyEvent) -> Option<Key> {
    if event.modifiers.contains(KeyModifiers::CONTROL) {
        return match event.code {
            KeyCode::Char('c') => Some(Key::Interrupt),
            KeyCode::Char('l') => Some(Key::Redraw),
            _ => None,
        };
    }
    Some(match event.code {
        KeyCode::Char(char) => Key::Char(char),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Tab | KeyCode::BackTab => Key::Tab,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        _ => return None,
    })
}
