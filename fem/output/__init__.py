"""Files and pictures of finite element functions."""
