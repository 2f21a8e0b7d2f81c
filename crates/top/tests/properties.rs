//! Whatever comes in whatever order, on whatever terminal: nothing panics, and nothing is asked for twice.

mod support;

use proptest::prelude::*;
use report::Level;
use support::{Seat, ill, line, service, well};
use top::{Act, Effect, End, Key, Look, Message, Order};

fn keys() -> impl Strategy<Value = Key> {
    prop_oneof![
        8 => prop::sample::select("qrsnyjkgGlmfveEp/?x ü日".chars().collect::<Vec<_>>()).prop_map(Key::Char),
        4 => prop::sample::select(vec![
            Key::Enter, Key::Escape, Key::Backspace, Key::Tab, Key::Up, Key::Down, Key::Left, Key::Right, Key::PageUp,
            Key::PageDown, Key::Home, Key::End, Key::Redraw,
        ]),
    ]
}

fn messages() -> impl Strategy<Value = Message> {
    let size = (0u16..130, 0u16..50);
    let names = "[a-z\u{1b}日\u{301}]{0,30}";
    let texts = "(\\PC|[\\x00-\\x9f]){0,80}";
    let levels = prop::sample::select(vec![None, Some(Level::Debug), Some(Level::Info), Some(Level::Error)]);
    let lines = prop::collection::vec((levels, texts), 0..30);
    let states = prop::sample::select(vec!["active", "failed", "parked", "activating", "inactive", "unheard-of"]);
    let services = prop::collection::vec((names, states), 0..40);
    prop_oneof![
        12 => keys().prop_map(Message::Key),
        2 => size.prop_map(|(columns, rows)| Message::Resized { columns, rows }),
        3 => services.prop_map(|services| {
            let mut status = if services.len() % 2 == 0 { well() } else { ill() };
            status.services = services.iter().map(|(name, state)| service(name, state, "")).collect();
            Message::Status { status: Box::new(status), clock: "10:00:06".into() }
        }),
        1 => texts.prop_map(Message::Lost),
        1 => texts.prop_map(|text| Message::Why { service: "api".into(), text: vec![text] }),
        1 => texts.prop_map(|text| Message::Ordered {
            order: Order { act: Act::Do(control::Verb::Stop), name: "api".into() },
            end: End { good: false, text },
        }),
        4 => (1u64..6, lines).prop_map(|(follow, lines)| Message::Lines {
            follow,
            lines: lines.iter().map(|(level, text)| line(1, "api", *level, text)).collect(),
        }),
        1 => texts.prop_map(Message::NoLines),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// S4.7: whatever is written, pressed and told; on terminals of any size, with and without Unicode.
    #[test]
    fn nothing_panics_and_nothing_reaches_the_terminal_raw(
        size in (0u16..130, 0u16..50), unicode in any::<bool>(), messages in prop::collection::vec(messages(), 1..40),
    ) {
        let mut seat = Seat::at(Look { color: true, unicode }, size, ill());
        let mut follows = 0;
        for message in messages {
            for effect in seat.tell(message) {
                if let Effect::Follow(follow) = effect {
                    prop_assert!(follow.number > follows);
                    follows = follow.number;
                }
            }
            let buffer = seat.buffer();
            for cell in buffer.content() {
                prop_assert!(!cell.symbol().chars().any(char::is_control), "{:?}", cell.symbol());
                prop_assert!(unicode || cell.symbol().is_ascii(), "{:?}", cell.symbol());
            }
        }
    }

    /// Nothing is stopped or restarted without a yes.
    #[test]
    fn nothing_is_ordered_without_a_yes(keys in prop::collection::vec(keys(), 1..80)) {
        let mut seat = Seat::at(support::PLAIN, (80, 24), well());
        for key in keys {
            for effect in seat.key(key) {
                prop_assert!(!matches!(effect, Effect::Give(_)) || matches!(key, Key::Char('y')), "{key:?}: {effect:?}");
            }
        }
    }
}
